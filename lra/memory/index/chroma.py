"""The Chroma folder: one collection for each namespace and embedder, written by one process at a time.

Everything here blocks and is called in threads, one call at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lra.memory.embedding.lock import FileLock
from lra.store.queue import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lra.store.vectors import IndexedVector

_BATCH = 2000


class IllIndexError(Exception):
    """The folder cannot be used as it is."""


class ChromaFolder:
    """Collections in a folder that this process owns.

    Args:
        path: The folder; created when missing.
        record: The database whose index this is, so that two records can share a folder.
        fingerprint: Whose vectors.
    """

    def __init__(self, path: Path, record: Path, fingerprint: str) -> None:
        self.path = path
        self._record = hashlib.sha256(os.fsencode(record.absolute())).hexdigest()[:8]
        self._suffix = f"{fingerprint}-{self._record}"
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._client: Any = None
        self._collections: dict[str, Any] = {}
        self._owned = False

    def acquire(self) -> bool:
        """Take the folder if no other process has it."""
        if not self._owned:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._owned = self._lock.try_acquire()
        return self._owned

    def open(self) -> None:
        """Open the folder.

        Raises:
            IllIndexError: It holds something that Chroma cannot read.
        """
        with _translated():
            import chromadb
            from chromadb.config import Settings

            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            settings = Settings(anonymized_telemetry=False)
            try:
                self._client = chromadb.PersistentClient(str(self.path), settings=settings)
            except BaseException:
                # Chroma keeps what failed to start, and would hand it out again for the new folder.
                from chromadb.api.shared_system_client import SharedSystemClient

                SharedSystemClient._identifier_to_system.pop(str(self.path), None)
                raise

    def name(self, kind: Kind, namespace: str) -> str:
        """Return the name of a collection."""
        if kind == "turn":
            return f"turns-{self._suffix}"
        slug = re.sub(r"[^A-Za-z0-9]+", "-", namespace).strip("-")[:40]
        digest = hashlib.sha256(namespace.encode()).hexdigest()[:8]
        return f"memories-{slug}-{digest}-{self._suffix}" if namespace != "default" else f"memories-{self._suffix}"

    def names(self) -> list[str]:
        """Return this record's collections, those of other embedders included."""
        with _translated():
            return [c.name for c in self._client.list_collections() if c.name.endswith(f"-{self._record}")]

    def names_of(self, kind: Kind, namespace: str | None) -> list[str]:
        """Return this embedder's collections of a kind, in one namespace or all."""
        wanted = None if namespace is None or kind == "turn" else self.name(kind, namespace)
        return [
            name
            for name in self.names()
            if name.endswith(self._suffix) and name.startswith("turns-") == (kind == "turn") and wanted in (None, name)
        ]

    def _collection(self, name: str) -> Any:
        if name not in self._collections:
            # Without an embedding function Chroma neither downloads a model nor remembers one as its default.
            self._collections[name] = self._client.get_or_create_collection(
                name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )
        return self._collections[name]

    def upsert(self, rows: Sequence[IndexedVector]) -> None:
        """Add or replace rows."""
        import numpy as np

        groups: dict[str, list[IndexedVector]] = {}
        for row in rows:
            groups.setdefault(self.name(row.kind, row.namespace), []).append(row)
        with _translated():
            for name, group in groups.items():
                for start in range(0, len(group), _BATCH):
                    part = group[start : start + _BATCH]
                    self._collection(name).upsert(
                        ids=[row.id for row in part],
                        embeddings=[np.frombuffer(row.vector, dtype="<f4") for row in part],
                        metadatas=[{"seq": row.seq} for row in part],
                    )

    def delete(self, kind: Kind, ids: Sequence[str]) -> None:
        """Remove rows, in whatever namespace they are."""
        with _translated():
            for name in self.names_of(kind, None):
                for start in range(0, len(ids), _BATCH):
                    self._collection(name).delete(ids=list(ids[start : start + _BATCH]))

    def discard(self, ids: Sequence[str]) -> int:
        """Remove rows from every collection of the record, those of other embedders too; returns how many are left."""
        left = 0
        with _translated():
            for name in self.names():
                for start in range(0, len(ids), _BATCH):
                    part = list(ids[start : start + _BATCH])
                    self._collection(name).delete(ids=part)
                    left += len(self._collection(name).get(ids=part, include=[])["ids"])
        return left

    def drop(self, name: str) -> None:
        """Remove a collection."""
        with _translated():
            self._collections.pop(name, None)
            self._client.delete_collection(name)

    def count(self, name: str) -> int:
        """Return how many rows a collection holds."""
        with _translated():
            return int(self._collection(name).count())

    def ids(self, name: str) -> set[str]:
        """Return the ids of every row of a collection."""
        with _translated():
            return set(self._collection(name).get(include=[])["ids"])

    def nearest(self, name: str, vector: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        """Return rows `(seq, cosine)`, best first."""
        with _translated():
            found = self._collection(name).query(
                query_embeddings=[vector], n_results=count, include=["metadatas", "distances"]
            )
        rows = zip(found["metadatas"][0], found["distances"][0], strict=True)
        return [(int(metadata["seq"]), 1.0 - float(distance)) for metadata, distance in rows]

    def move_aside(self) -> Path | None:
        """Put the folder out of the way; Chroma starts with an empty one."""
        self.close()
        if not self.path.exists():
            return None
        target = self.path.with_name(f"{self.path.name}.broken-{time.time_ns() // 1000}")
        self.path.rename(target)
        return target

    def close(self) -> None:
        """Let go of Chroma; the folder stays owned until `release`."""
        client, self._client, self._collections = self._client, None, {}
        if client is not None:
            # An open client would be handed out again for a new folder of the same name.
            with contextlib.suppress(Exception):
                client.close()

    def release(self) -> None:
        """Give the folder to whoever waits for it."""
        self.close()
        self._owned = False
        self._lock.release()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A panic in Chroma's native code is no Exception.
        raise IllIndexError(f"{type(error).__name__}: {error}") from error
