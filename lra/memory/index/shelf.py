"""The rows of one kind: a large record's in a file, and in memory what came after it; a small one's in memory."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from lra.memory.index import filing
from lra.memory.index.matrix import Matrix, Nearest
from lra.memory.index.vectorfile import VectorFile, VectorFileWriter
from lra.store import vectors
from lra.store.queue import Kind
from lra.store.vectors import VectorMarks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE_FROM = 100_000
"""Rows from which they lie in a file."""
FOLD = 2000
"""Rows in memory that are moved to the file together."""
_RETRY_SECONDS = 30.0
_SPARSE = 8
"""Sequence numbers to a row beyond which a file would be mostly holes."""
_GAP = 50_000
"""Changes beyond which what is new is not read into memory but goes to the file first."""

T = TypeVar("T")

logger = logging.getLogger("lra.memory")


class Shelf:
    """Rows of one kind and one embedder; everything here blocks.

    Args:
        path: The file, should there be one.
        kind: Which rows.
        fingerprint: Whose vectors.
        file_from: Rows from which they lie in a file.
    """

    def __init__(self, path: Path, kind: Kind, fingerprint: str, *, file_from: int = FILE_FROM) -> None:
        self.kind = kind
        self.file = VectorFile(path, fingerprint)
        self.progress: tuple[int, int] | None = None
        """How far the making of the file is; None while there is nothing to do."""
        self.trouble = ""
        self._fingerprint = fingerprint
        self._file_from = file_from
        self._newest = Matrix()
        self._marks: VectorMarks | None = None
        self._base: VectorMarks | None = None
        self._building = threading.Lock()
        self._stop = False
        self._retry_at = 0.0
        self._counted_at = -1
        self._due = False

    def __len__(self) -> int:
        return len(self._newest) + (len(self.file) if self.file.blocks is not None else 0)

    def __bool__(self) -> bool:
        return self.file.blocks is not None or bool(len(self._newest))

    def refresh(self, connection: Connection, latest: VectorMarks) -> bool:
        """Read what is new; says whether the file has to be made or mended, which takes longer.

        Args:
            connection: Reads the record.
            latest: How far the record had come before.
        """
        filed = self._filed(connection, latest)
        known, newest = self._marks, self._newest
        if known is not None and known.changes < latest.changes and self._forgotten(connection, known):
            known = None
        if known is None or filed != self._base:
            # What was in memory may be in the file now: another process moved it there, or made it anew.
            newest = Matrix()
            # A first look finds every row by its vector; later ones also by what changed.
            known = filed or VectorMarks(0, latest.changes, latest.turns)
        far = filed is not None and latest.beyond(known) > _GAP
        if not far and (self._marks is None or not latest.same(known, self.kind)):
            newest.put(vectors.news(connection, self._fingerprint, self.kind, known))
        self._newest, self._marks, self._base = newest, latest, filed
        if filed is None:
            return self._due
        return far or self.file.marks is None or len(newest) >= FOLD or self._forgotten(connection, filed)

    def _filed(self, connection: Connection, latest: VectorMarks) -> VectorMarks | None:
        """Return from where on rows are kept in memory when there is a file, or should be one."""
        if self.file.open() and self._marks is None and filing.foreign(connection, self.file, self.kind, latest):
            self._discard()
        if (marks := self.file.marks) is not None:
            return marks
        if self.trouble and self.file.blocks is None:
            self._due = False
            return None
        if self._base is not None:
            # While a file is made, what is new since its beginning is kept in memory.
            return self._base
        self._due = self._due or self._wanted(connection, latest)
        # What is in memory already answers until there is a file.
        return latest if self._due and self._marks is None else None

    def _discard(self) -> None:
        """Remove a file of another record; it is made anew."""
        with contextlib.suppress(OSError), self.file.writing() as writer:
            if writer is not None:
                self.file.close()
                self.file.path.unlink()
                self._fresh.unlink(missing_ok=True)

    def _wanted(self, connection: Connection, latest: VectorMarks) -> bool:
        """Return whether there are enough rows for a file."""
        if latest.vectors < max(self._file_from, self._counted_at):
            return False
        last = vectors.last_seq(connection, self.kind)
        if last < self._file_from:
            return False
        enough = max(self._file_from, last // _SPARSE)
        self._counted_at = latest.vectors + self._file_from // 10
        return vectors.at_least(connection, self._fingerprint, enough)

    def _forgotten(self, connection: Connection, since: VectorMarks) -> bool:
        return vectors.forgotten_since(connection, since.changes)

    @property
    def filed(self) -> bool:
        """Whether there is a file, or should be one."""
        return self._due or self._base is not None or self.file.blocks is not None

    def build(self, connection: Connection, *, anew: bool = False, patience: float = 0.0) -> bool:
        """Make the file equal to the record; False when another process does, or it was ended or failed.

        Args:
            connection: Reads the record.
            anew: Whether to make another file, which takes the place of this one when it is complete.
            patience: Seconds to wait for another process.
        """
        if not anew and time.monotonic() < self._retry_at:
            return False
        with self._building:
            self._stop = False
            try:
                done = self._locked(patience, lambda writer: self._build(connection, writer, anew))
            except (OSError, ValueError) as error:
                # A full disk or a folder that may not be written: what is there answers.
                self._retry_at = time.monotonic() + _RETRY_SECONDS
                reason = getattr(error, "strerror", None) or str(error)
                self.trouble = f"The vector file {self.file.path} cannot be written: {reason}."
                logger.warning("%s", self.trouble)
                return False
            finally:
                self.progress = None
        if done:
            self.trouble = ""
        return bool(done)

    def _locked(self, patience: float, work: Callable[[VectorFileWriter], T]) -> T | None:
        """Work on the file when no other process does; None when one goes on for so many seconds."""
        end = time.monotonic() + patience
        while True:
            with self.file.writing() as writer:
                if writer is not None:
                    return work(writer)
            if time.monotonic() >= end or self._stop:
                return None
            time.sleep(0.05)

    def _build(self, connection: Connection, writer: VectorFileWriter, anew: bool) -> bool:
        latest = vectors.marks(connection)
        marks = None if anew else self.file.marks
        near = marks is not None and latest.beyond(marks) <= _GAP
        if marks is not None and near and not self._forgotten(connection, marks):
            writer.put(vectors.news(connection, self._fingerprint, self.kind, marks))
            writer.follow(latest)
            return True
        if not anew:
            return self._fill(connection, writer, latest)
        fresh = VectorFile(self._fresh, self._fingerprint)
        fresh.open()
        if not self._fill(connection, VectorFileWriter(fresh, self._fingerprint), latest):
            return False
        fresh.close()
        # A file that is mapped cannot be replaced on Windows.
        self.file.close()
        if self._fresh.exists():
            self._fresh.replace(self.file.path)
        return True

    @property
    def _fresh(self) -> Path:
        return self.file.path.with_name(self.file.path.name + ".new")

    def _fill(self, connection: Connection, writer: VectorFileWriter, latest: VectorMarks) -> bool:
        if writer.file.blocks is None and not filing.begin(connection, writer, self.kind, self._fingerprint):
            return True
        if self._compare(connection, writer.file, writer) is None:
            return False
        writer.follow(latest)
        return True

    def _compare(
        self, connection: Connection, file: VectorFile, writer: VectorFileWriter | None
    ) -> filing.Drift | None:
        return filing.compare(
            connection,
            file,
            self.kind,
            self._fingerprint,
            writer=writer,
            stopped=lambda: self._stop,
            progress=self._report,
        )

    def drift(self, connection: Connection) -> filing.Drift:
        """Return how the file differs from the record."""
        self.file.open()
        try:
            return self._compare(connection, self.file, None) or filing.Drift()
        finally:
            self.progress = None

    def purge(self, connection: Connection, *, patience: float) -> int:
        """Take out what the record no longer holds; returns how many such rows are left.

        Args:
            connection: Reads the record.
            patience: Seconds to wait for another process that writes the file.
        """
        if not self.file.open():
            return 0

        def work(writer: VectorFileWriter) -> None:
            self._fresh.unlink(missing_ok=True)
            latest = vectors.marks(connection)
            if self._compare(connection, self.file, writer) is not None and self.file.marks is not None:
                writer.follow(latest)

        with self._building:
            self._stop = False
            self._locked(patience, work)
            return self.drift(connection).stale

    def _report(self, done: int, of: int) -> None:
        self.progress = (done, of)

    def stop(self) -> None:
        """End the making of the file after the block it is at; it goes on there another time."""
        self._stop = True

    def reset(self) -> None:
        """Drop what is in memory; it is read again when needed."""
        self._newest, self._marks, self._base = Matrix(), None, None

    def nearest(self, vector: NDArray[np.float32]) -> Nearest:
        """Return a function that gives the so many rows nearest to a vector, best first."""
        newest = self._newest
        recent = newest.nearest(vector)
        if self.file.blocks is None:
            return recent
        filed = self.file.nearest(vector)
        replaced = self.file.holding(newest.seqs) if len(newest) else 0

        def best(count: int) -> list[tuple[int, float]]:
            # What is in memory is newer than what the file says of the same row.
            found = [row for row in filed(count + replaced) if row[0] not in newest]
            return sorted(found + recent(count), key=lambda row: -row[1])[:count]

        return best

    def cosines(self, vector: NDArray[np.float32], seqs: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of these rows that has a vector."""
        return self.file.cosines(vector, seqs) | self._newest.cosines(vector, seqs)
