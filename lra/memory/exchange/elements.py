"""The elements of a large JSON array, one at a time, in memory that one element takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from lra.memory.exchange.items import MAX_ITEM, Problem

# Everything up to the next bracket, whole strings included.
_JUMP = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_OPEN, _CLOSE = frozenset(b"[{"), frozenset(b"]}")
_QUOTE, _ARRAY = ord('"'), ord("[")
_TAIL = 200

Element = tuple[str, bytes]


def elements(
    chunks: Iterable[bytes], *, keys: Sequence[str] = (), limit: int = MAX_ITEM
) -> Iterator[Element | Problem]:
    """Give the objects of an array with their JSON paths.

    The array is the document itself, or the value of one of `keys` in the object that the document is. An element
    that is no object, or larger than `limit`, is a problem of its own; the others are given.
    """
    return _Scanner(keys, limit).run(chunks)


class _Scanner:
    """Follows brackets and strings; what is between two brackets is jumped over in one go."""

    def __init__(self, keys: Sequence[str], limit: int) -> None:
        named = b"|".join(re.escape(key.encode()) for key in keys)
        self._key = re.compile(rb'"(' + named + rb')"\s*:\s*$') if keys else None
        self._limit = limit
        self._depth = 0
        self._base: int | None = None  # the depth inside the array
        self._path = "$"
        self._index = 0
        self._parts: list[bytes] = []  # of the element being read, or of what stands before it
        self._size = 0
        self._in_string = self._escaped = False

    def run(self, chunks: Iterable[bytes]) -> Iterator[Element | Problem]:
        for chunk in chunks:
            yield from self._feed(chunk)
        if self._depth or self._in_string:
            yield Problem(f"{self._path}[{self._index}]" if self._base else "$", "the file ends in the middle of it")

    def _feed(self, chunk: bytes) -> Iterator[Element | Problem]:
        at = start = 0
        size = len(chunk)
        while at < size:
            if self._in_string:
                at = self._string_end(chunk, at)
                continue
            at = _JUMP.match(chunk, at).end()  # type: ignore[union-attr]
            if at == size:
                break
            byte = chunk[at]
            if byte == _QUOTE:
                self._in_string = True
            elif byte in _OPEN:
                before = self._depth
                self._depth += 1
                if self._base is None:
                    if self._begins(before, byte, chunk[start:at]):
                        start = at + 1
                        self._parts, self._size = [], 0
                elif before == self._base:
                    yield from self._gap(chunk[start:at])
                    start = at
            elif byte in _CLOSE:
                self._depth -= 1
                if self._depth == self._base:
                    yield from self._whole(chunk[start : at + 1])
                    start = at + 1
                elif self._base is not None and self._depth < self._base:
                    yield from self._gap(chunk[start:at])
                    self._base = None
                    start = at
            at += 1
        self._keep(chunk[start:])

    def _string_end(self, chunk: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            at += 1
        at = _STRING.match(chunk, at).end()  # type: ignore[union-attr]
        if at < len(chunk):
            # Either the closing quote, or a backslash whose other half comes with the next chunk.
            self._in_string = self._escaped = chunk[at] != _QUOTE
            at += 1
        return at

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._base is None:
            # Only the key right before an array matters.
            self._parts = [(b"".join(self._parts) + part)[-_TAIL:]]
        elif self._size <= self._limit:
            self._parts.append(part)
        else:
            self._parts = []

    def _begins(self, depth: int, byte: int, before: bytes) -> bool:
        """Tell whether the array that is looked for begins at this bracket."""
        if byte != _ARRAY or depth > 1:
            return False
        if depth == 1:
            found = self._key.search((b"".join(self._parts) + before)[-_TAIL:]) if self._key else None
            if found is None:
                return False
            self._path = f"$.{found[1].decode()}"
        self._base, self._index = depth + 1, 0
        return True

    def _take(self, rest: bytes) -> bytes | None:
        """Return what was collected with the rest of it; None when that is too large."""
        whole = b"".join([*self._parts, rest]) if self._size + len(rest) <= self._limit else None
        self._parts, self._size = [], 0
        return whole

    def _whole(self, rest: bytes) -> Iterator[Element | Problem]:
        place = f"{self._path}[{self._index}]"
        self._index += 1
        whole = self._take(rest)
        if whole is None:
            yield Problem(place, f"it is larger than {self._limit // 1024 // 1024} MB")
        elif not whole.startswith(b"{"):
            yield Problem(place, "it is not a JSON object")
        else:
            yield place, whole

    def _gap(self, rest: bytes) -> Iterator[Problem]:
        """Find what stands between objects and is none."""
        between = (self._take(rest) or b"").strip(b", \t\r\n")
        if not between:
            return
        try:
            count = len(json.loads(b"[" + between + b"]"))
        except (ValueError, RecursionError):
            yield Problem(f"{self._path}[{self._index}]", "it is not valid JSON")
            return
        for _ in range(count):
            yield Problem(f"{self._path}[{self._index}]", "it is not a JSON object")
            self._index += 1
