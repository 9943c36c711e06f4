"""What readers of every format hand on: lines with the place they stand at, and what was wrong with others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lra.store.bulk import FactLine, SessionLine, TurnLine, VectorLine
from lra.text import clean_text

Line = TurnLine | FactLine | SessionLine | VectorLine

Progress = Callable[[str, int, int], None]
"""Is told what is being done, and how many bytes of how many it has gone through."""

MAX_ITEM = 32 * 1024 * 1024
"""Bytes of one line or one element that are read at once; what is longer is reported and passed over."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A line and where it stands, as a person finds it: `line 12`, `$.results[3]`, `notes.md, line 4`."""

    place: str
    line: Line


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was read and is not meant to be kept."""

    what: str


Item = Placed | Problem | LeftOut


@dataclass(slots=True)
class Meter:
    """Counts what has been read of a source."""

    total: int
    report: Progress | None = None
    phase: str = ""
    done: int = 0
    _told: int = field(default=0, repr=False)

    def add(self, count: int) -> None:
        """Note that so many bytes more were read."""
        self.done += count
        # A progress bar drawn for every line would take longer than the lines.
        if self.report and (self.done - self._told > self.total // 200 or self.done >= self.total):
            self._told = self.done
            self.report(self.phase, min(self.done, self.total), self.total)

    def start(self, phase: str) -> None:
        """Begin at the front again."""
        self.phase, self.done, self._told = phase, 0, 0
        if self.report:
            self.report(phase, 0, self.total)


Reader = Callable[[Meter], Iterator[Item]]


def stable_id(*parts: object) -> str:
    """Return an id derived from what something says, so that a second import knows it again."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:20]


def fact(
    *,
    id: str,
    content: str,
    created_at: int,
    kind: str = "fact",
    tags: Sequence[str] = (),
    metadata: dict[str, Any] | None = None,
    **values: Any,
) -> FactLine:
    """Return a memory of another program as a line."""
    return FactLine(
        id=clean_text(id),
        content=clean_text(content),
        created_at=created_at,
        values={
            "kind": kind,
            "source": "import",
            "tags": json.dumps([clean_text(tag) for tag in dict.fromkeys(tags)]),
            "metadata": clean_text(json.dumps(metadata or {}, ensure_ascii=False)),
            **values,
        },
    )
