"""Databases of a given size, filled the way a person's would be."""

from __future__ import annotations

import asyncio
import inspect
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bench.corpus import Corpus
from bench.embedder import HashingEmbedder
from lra.config import Settings, load_settings
from lra.memory import Memory
from lra.store import StructuredMemoryStore
from lra.store.journal import content_hash

FIRST = datetime(2023, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=7)
SAID_SHARE = 4
"""One line of conversation for so many memories."""
PER_SESSION = 40
_BATCH = 5_000

SEARCHES_VECTORS = "embedder" in inspect.signature(Memory).parameters


def moment(number: int) -> datetime:
    """When the memory of this number was written."""
    return FIRST + number * STEP


def settings_for(database: Path) -> Settings:
    """Return the settings of a process whose record is this file, without those of the person who runs it."""
    environ = {
        "LRA_HOME": str(database.parent),
        "DATABASE_URL": f"sqlite+aiosqlite:///{database}",
        "LRA_EMBEDDING": "none",
    }
    return load_settings(database.parent, environ=environ)


def memory_over(store: StructuredMemoryStore, settings: Settings, embedder: Any | None) -> Memory:
    """Return a memory that searches with this embedder, or by words alone."""
    options: dict[str, Any] = {} if embedder is None else {"embedder": embedder}
    return Memory(store, settings=settings, **options)


class Records:
    """Makes databases in a folder, each from the next smaller one, so that every row is imported once.

    Args:
        folder: Where they are put.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._corpus = Corpus()
        self._made: dict[int, Path] = {}
        self.embedder = HashingEmbedder()
        self.sentences: list[str] = []
        """Texts of the memories made so far, by number."""

    async def copy(self, size: int, name: str) -> Path:
        """Return a database of this size that the caller may change."""
        master = await self.master(size)
        target = self._folder / name / "agent_memory.db"
        target.parent.mkdir()
        await asyncio.to_thread(shutil.copyfile, master, target)
        return target

    def questions(self, size: int, count: int) -> list[str]:
        """Return questions about memories of a database of this size; about nothing when it is empty."""
        corpus = Corpus(seed=size + 1)
        about = [self.sentences[place * size // count] if size else corpus.sentence() for place in range(count)]
        return [corpus.question(sentence) for sentence in about]

    async def master(self, size: int) -> Path:
        """Return a database of this size, not to be changed."""
        if size in self._made:
            return self._made[size]
        smaller = max((made for made in self._made if made < size), default=None)
        if smaller is None and size:
            smaller = 0
            await self.master(0)
        target = self._folder / f"master-{size}.db"
        if smaller is not None:
            await asyncio.to_thread(shutil.copyfile, self._made[smaller], target)
        store = StructuredMemoryStore(f"sqlite+aiosqlite:///{target}")
        await store.init_db()
        if smaller is not None:
            await self._grow(store, smaller, size)
        await store.close()
        self._made[size] = target
        return target

    async def _grow(self, store: StructuredMemoryStore, start: int, end: int) -> None:
        missing = end - len(self.sentences)
        self.sentences += self._corpus.sentences(max(0, missing))
        lines = self._folder / "import.jsonl"
        with lines.open("w", encoding="utf-8") as file:
            for number in range(start, end):
                file.writelines(_lines(number, self.sentences[number]))
        memory = Memory(store)
        await memory.import_file(lines)
        lines.unlink()
        numbers = iter(range(start, end))
        while batch := list(islice(numbers, _BATCH)):
            texts = [self.sentences[number] for number in batch]
            texts += [_said(self.sentences[number]) for number in batch if number % SAID_SHARE == 0]
            await self._embed(store, texts)
        # The outbox is what a process that has not embedded yet would have; here everything is stored already.
        while items := await store.queue.peek(_BATCH):
            await store.queue.done(items)

    async def _embed(self, store: StructuredMemoryStore, texts: list[str]) -> None:
        vectors = await asyncio.to_thread(self.embedder.vectors, texts)
        await store.vectors.put(
            self.embedder.fingerprint,
            {content_hash(text): vector.tobytes() for text, vector in zip(texts, vectors, strict=True)},
        )


def _said(sentence: str) -> str:
    return f"I told you: {sentence}"


def _lines(number: int, sentence: str) -> Iterator[str]:
    created = moment(number).isoformat()
    fact: dict[str, Any] = {"type": "fact", "id": f"m{number}", "content": sentence, "created_at": created}
    fact["session"] = f"s{number // PER_SESSION}"
    if number % 5 == 0:
        fact["namespace"] = "work"
    yield json.dumps(fact) + "\n"
    if number % SAID_SHARE == 0:
        said = {"type": "turn", "id": f"t{number}", "session": fact["session"], "speaker": "user"}
        yield json.dumps({**said, "content": _said(sentence), "created_at": created}) + "\n"
