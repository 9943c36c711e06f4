"""`VectorMemoryStore`: texts with metadata, found by meaning or by words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lra.memory.memory import Memory
from lra.store import NewMemory, StructuredMemoryStore
from lra.text import clean_text

NAMESPACE = "documents"


class VectorMemoryStore:
    """Texts with metadata that a program keeps and searches.

    It needs no argument, no network and no model: without an embedder, search goes by words. A text is in the record
    before `add` returns. It opens on first use and does not keep the interpreter from ending when never closed.

    Args:
        path: A folder of its own; the configured database by default.
        collection: Which of several separate sets of texts.
        memory: An open memory to share; its owner closes it.
    """

    def __init__(
        self, path: Path | str | None = None, *, collection: str = NAMESPACE, memory: Memory | None = None
    ) -> None:
        self._owned = memory is None
        if memory is None:
            url = f"sqlite+aiosqlite:///{Path(path) / 'agent_memory.db'}" if path is not None else None
            memory = Memory(StructuredMemoryStore(url))
        self._memory = memory
        self._collection = collection

    async def add(self, id: str | None, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Keep a text; a known id gets the new text.

        Args:
            id: Its id; a new one when None.
            text: The text.
            metadata: JSON values to filter by and to get back.

        Returns:
            The text's id.
        """
        new = NewMemory(
            id=id,
            content=clean_text(text),
            kind="document",
            source="library",
            namespace=self._collection,
            metadata=dict(metadata or {}),
        )
        record = await self._memory.store.memories.put(new)
        if self._owned:
            await self._memory.start(fetch=False)
        return record.id

    async def search(self, query: str, top_k: int = 5, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the texts that fit best.

        Args:
            query: The question.
            top_k: How many texts at most.
            where: Metadata that a text must have.

        Returns:
            For each text `id`, `text`, `metadata` and `score` (0 to 1), best first.
        """
        wanted = dict(where or {})
        hits = await self._memory.search(
            query, scope="memories", limit=top_k * 20 if wanted else top_k, namespace=self._collection, echoes=True
        )
        records = await self._memory.store.memories.by_ids([hit.id for hit in hits])
        found = []
        for hit in hits:
            metadata = records[hit.id].metadata if hit.id in records else {}
            if all(metadata.get(name) == value for name, value in wanted.items()):
                found.append({"id": hit.id, "text": hit.content, "metadata": metadata, "score": hit.score})
        return found[:top_k]

    async def delete(self, id: str) -> bool:
        """Remove a text; says whether it was there."""
        return await self._memory.store.memories.delete(id)

    async def close(self) -> None:
        """Release what this object opened."""
        if self._owned:
            await self._memory.close()
            await self._memory.store.close()
