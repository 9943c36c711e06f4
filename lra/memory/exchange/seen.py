"""The ids a file has named so far, in memory that does not grow with the file."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from types import TracebackType

_CACHE_KIB = 16 * 1024


class Seen:
    """Remembers by short digests which id came with which content; what does not fit goes to a temporary file."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA temp_store = FILE")
        self._database.execute("CREATE TABLE seen(id INTEGER PRIMARY KEY, content INTEGER NOT NULL)")
        self._database.execute("BEGIN")

    def __enter__(self) -> Seen:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with closing(self._database):
            pass

    def known(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Return the digests of the contents that came with these tables and ids before."""
        keys = {_short(*name): name for name in names}
        rows = self._database.execute(
            "SELECT id, content FROM seen WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(keys)),)
        )
        return {keys[key]: content for key, content in rows}

    def add(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Note tables, ids and contents."""
        self._database.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?, ?)",
            [(_short(table, name), digest(content)) for table, name, content in rows],
        )


def digest(content: str) -> int:
    """Return a short digest of a content."""
    return _short(content)


def _short(*parts: str) -> int:
    whole = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(whole, "big", signed=True)
