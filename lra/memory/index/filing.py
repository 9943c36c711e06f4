"""Making a file of vectors equal to the record: block by block, so that it can end and go on anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from lra.memory.index.codes import BLOCK
from lra.memory.index.matrix import usual_size
from lra.memory.index.vectorfile import VectorFile, VectorFileWriter, name_of
from lra.store import vectors
from lra.store.queue import Kind
from lra.store.vectors import VectorMarks, VectorRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lra.memory.index.matrix import Nearest

_SAMPLE = 4096
"""Vectors that a file is begun with."""
_ASKED = 64
"""Rows by which a file is known as the record's."""

Progress = Callable[[int, int], None]
"""Called with the rows looked at so far, and with all there are."""


@dataclass(slots=True)
class Drift:
    """How a file differs from the record."""

    missing: int = 0
    """Rows that have a vector and are not in the file."""
    stale: int = 0
    """Rows in the file whose text is another one or gone."""
    examples: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale)


def compare(
    connection: Connection,
    file: VectorFile,
    kind: Kind,
    fingerprint: str,
    *,
    writer: VectorFileWriter | None = None,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _done, _all: None,
) -> Drift | None:
    """Compare a file with the record, and make it equal when there is a writer.

    Args:
        connection: Reads the record.
        file: The file.
        kind: Which rows it holds.
        fingerprint: Whose vectors.
        writer: Writes what differs.
        stopped: Asked between blocks whether to end.
        progress: Told between blocks how far it is.

    Returns:
        What differed; None when it was ended before it was done.
    """
    drift, last = Drift(), vectors.last_seq(connection, kind)
    size = len(file.blocks) if file.blocks is not None else 0
    for number in range(max(size, last // BLOCK + 1)):
        if stopped():
            return None
        progress(min(number * BLOCK, last), last)
        _compare_block(connection, file, kind, fingerprint, number, drift, writer)
    progress(last, last)
    return drift


def _compare_block(
    connection: Connection,
    file: VectorFile,
    kind: Kind,
    fingerprint: str,
    number: int,
    drift: Drift,
    writer: VectorFileWriter | None,
) -> None:
    import numpy as np

    first = number * BLOCK
    wanted = np.zeros(BLOCK, dtype=np.uint64)
    if rows := vectors.hashes(connection, kind, first, first + BLOCK):
        places = np.array([seq for seq, _ in rows]) - first
        wanted[places] = np.array([name_of(text) for _, text in rows], dtype=np.uint64)
    there = _names(file, number)
    differing = np.flatnonzero(wanted != there)
    if not len(differing):
        return
    seqs = (differing[wanted[differing] != 0] + first).tolist()
    put = vectors.of_rows(connection, fingerprint, kind, seqs) if seqs else []
    stale = set((differing[there[differing] != 0] + first).tolist())
    drift.missing += sum(row.seq not in stale for row in put)
    drift.stale += len(stale)
    drift.examples += sorted({row.seq for row in put} | stale)[: 3 - len(drift.examples)]
    if writer is not None and (put or stale):
        writer.put(put, gone=sorted(stale - {row.seq for row in put}))


def _names(file: VectorFile, number: int) -> NDArray[np.uint64]:
    import numpy as np

    blocks = file.blocks
    if blocks is None or number >= len(blocks):
        return np.zeros(BLOCK, dtype=np.uint64)
    found: NDArray[np.uint64] = blocks["names"][number]
    return found


def begin(connection: Connection, writer: VectorFileWriter, kind: Kind, fingerprint: str) -> bool:
    """Begin a new file; False when there is no vector to begin with."""
    import numpy as np

    rows = vectors.sample(connection, fingerprint, kind, _SAMPLE)
    size = usual_size(rows)
    rows = [row for row in rows if len(row.vector) == size]
    if not rows:
        return False
    some = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f4").reshape(len(rows), -1)
    writer.create(some, vectors.last_seq(connection, kind))
    return True


def foreign(connection: Connection, file: VectorFile, kind: Kind, latest: VectorMarks) -> bool:
    """Return whether a file is of another record: the database was replaced, as by an older copy of it."""
    marks, blocks = file.marks, file.blocks
    if marks is None or blocks is None:
        return False
    if marks.beyond(latest) > 0:
        return True
    first = random.randrange(len(blocks)) * BLOCK
    there = blocks["names"][first // BLOCK]
    rows = random.sample(found, min(_ASKED, len(found))) if (found := _hashed(connection, kind, first)) else []
    known = [(seq, name) for seq, name in rows if there[seq - first] != 0]
    # Some may have changed since the file was written, but not most.
    differing = [seq for seq, name in known if int(there[seq - first]) != name]
    return len(differing) > len(known) // 2


def _hashed(connection: Connection, kind: Kind, first: int) -> list[tuple[int, int]]:
    return [(seq, name_of(text)) for seq, text in vectors.hashes(connection, kind, first, first + BLOCK)]


class Searched(Protocol):
    """What is asked for rows by their vectors."""

    def nearest(self, vector: NDArray[np.float32]) -> Nearest:
        """Return a function that gives the so many rows nearest to a vector, best first."""
        ...

    def cosines(self, vector: NDArray[np.float32], seqs: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of these rows that is there."""
        ...


def unsound(connection: Connection, file: Searched, kind: Kind, fingerprint: str, count: int = 64) -> list[int]:
    """Ask for some rows by their own vectors; returns those that are not found as themselves."""
    import numpy as np

    rows = vectors.sample(connection, fingerprint, kind, count)
    size = usual_size(rows)
    rows = [row for row in rows if len(row.vector) == size]
    return [row.seq for row in rows if not _itself(file, row, np.frombuffer(row.vector, dtype="<f4"))]


def _itself(file: Searched, row: VectorRow, vector: NDArray[np.float32]) -> bool:
    # A text that many rows share is found by any of them.
    best = dict(file.nearest(vector)(1))
    mine = file.cosines(vector, [row.seq]).get(row.seq)
    return mine is not None and mine > 0.999 and max(best.values(), default=0.0) <= mine + 0.001
