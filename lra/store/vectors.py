"""Stored vectors: each text is embedded once per embedder, whatever happens to the index built from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from lra.store.database import Database
from lra.store.queue import Kind


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A searchable row's vector: float32, little-endian, L2-normalised."""

    seq: int
    """Sequence number of the memory or journal row."""
    vector: bytes
    stored: int
    """Sequence number of the vector itself, to read on from."""


class VectorStore:
    """Rows of the `vectors` table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, fingerprint: str, hashes: Sequence[str]) -> dict[str, bytes]:
        """Return the vectors that exist for these content hashes."""
        found: dict[str, bytes] = {}
        async with self._database.read() as connection:
            for start in range(0, len(hashes), 500):
                part = tuple(hashes[start : start + 500])
                marks = ", ".join("?" * len(part))
                rows = await connection.exec_driver_sql(
                    f"SELECT content_hash, vector FROM vectors WHERE fingerprint = ? AND content_hash IN ({marks})",
                    (fingerprint, *part),
                )
                found.update((row["content_hash"], row["vector"]) for row in rows.mappings())
        return found

    async def put(self, fingerprint: str, vectors: Mapping[str, bytes]) -> None:
        """Store vectors by content hash."""
        if not vectors:
            return

        async def work(connection: AsyncConnection) -> None:
            await connection.exec_driver_sql(
                "INSERT OR IGNORE INTO vectors(content_hash, fingerprint, vector) VALUES (?, ?, ?)",
                [(name, fingerprint, vector) for name, vector in vectors.items()],
            )

        await self._database.write(work)

    async def load(self, fingerprint: str, kind: Kind, *, after: int = 0) -> list[VectorRow]:
        """Return the vectors of every searchable row of a kind stored after a point, in storing order."""
        table = "memories" if kind == "memory" else "journal"
        async with self._database.read() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT d.seq, v.vector, v.seq AS stored"
                f" FROM vectors v JOIN {table} d ON d.content_hash = v.content_hash"
                " WHERE v.fingerprint = ? AND v.seq > ? ORDER BY v.seq",
                (fingerprint, after),
            )
            return [VectorRow(**row) for row in rows.mappings()]

    async def count(self, fingerprint: str) -> int:
        """Return how many texts are embedded with one embedder."""
        async with self._database.read() as connection:
            query = "SELECT count(*) FROM vectors WHERE fingerprint = ?"
            return int((await connection.exec_driver_sql(query, (fingerprint,))).scalar_one())
