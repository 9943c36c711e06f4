"""A file of short vectors, looked through without being loaded.

A row lies at the place of its sequence number, so that nothing can be there twice and nothing has to be looked up. The
file is a copy of what the record holds: whoever doubts it compares, and a file that is ill is made anew. It is mapped
by every process and written by one at a time, by ordinary writes: a full disk is an error then and not a signal.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lra.memory.embedding.lock import FileLock
from lra.memory.index import codes
from lra.memory.index.codes import BLOCK
from lra.store.vectors import VectorMarks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lra.memory.index.matrix import Nearest
    from lra.store.vectors import VectorRow

_MAGIC = b"lra-vec1"
_HEAD = struct.Struct("<8sII64s")
_MARKS = struct.Struct("<qqq")
_MARKS_AT = 128
_PAGE = 4096
_CANDIDATES = 16
"""Rows that are compared in full for each one that is wanted."""
_LEAST_CANDIDATES = 2048
_SHARE = 64
"""And no fewer than one of so many: the more rows there are, the more agree by chance."""


def name_of(content_hash: str) -> int:
    """Return what a row is called in a file: a number that says which text it had; 0 says that there is none."""
    return int(content_hash[:16], 16) or 1


class VectorFile:
    """Rows of one kind and one embedder.

    Args:
        path: The file; it need not exist.
        fingerprint: Whose vectors.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self._fingerprint = fingerprint
        self._mapped: mmap.mmap | None = None
        self._identity: tuple[int, int] | None = None
        self._middle: NDArray[np.float32] | None = None
        self._blocks: NDArray[np.void] | None = None

    @property
    def blocks(self) -> NDArray[np.void] | None:
        """The rows, block by block; None without a file."""
        return self._blocks

    @property
    def middle(self) -> NDArray[np.float32] | None:
        """What bits are told by; None without a file."""
        return self._middle

    @property
    def marks(self) -> VectorMarks | None:
        """How far the file follows the record; None while it is being made."""
        if self._mapped is None:
            return None
        marks = VectorMarks(*_MARKS.unpack_from(self._mapped, _MARKS_AT))
        return None if marks.vectors < 0 else marks

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._mapped) if self._mapped is not None else 0

    def __len__(self) -> int:
        if self._blocks is None:
            return 0
        return sum(int((block != 0).sum()) for block in self._blocks["names"])

    def open(self) -> bool:
        """Map the file, again when it has grown or is another one; says whether there is one."""
        import numpy as np

        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                identity = (status.st_ino, status.st_size)
                if identity == self._identity:
                    return True
                head = file.read(_HEAD.size)
                dimensions = self._checked(head, status.st_size)
                mapped = mmap.mmap(file.fileno(), status.st_size, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            self.close()
            return False
        start = _start(dimensions)
        self._mapped, self._identity = mapped, identity
        self._middle = np.frombuffer(mapped, dtype="<f4", count=dimensions, offset=_PAGE)
        self._blocks = np.frombuffer(mapped, dtype=codes.layout(dimensions), offset=start)
        return True

    def _checked(self, head: bytes, size: int) -> int:
        if len(head) < _HEAD.size:
            raise ValueError("a file that was cut off")
        dimensions: int
        magic, dimensions, block, fingerprint = _HEAD.unpack(head)
        known = (magic, block, fingerprint.rstrip(b"\0")) == (_MAGIC, BLOCK, _named(self._fingerprint))
        if not known or not 0 < dimensions < 1 << 16:
            raise ValueError("another kind of file")
        rest = size - _start(dimensions)
        if rest <= 0 or rest % codes.layout(dimensions).itemsize:
            raise ValueError("a file that was cut off")
        return dimensions

    def close(self) -> None:
        """Let go of the file; what still reads it keeps it mapped for so long."""
        self._mapped = self._identity = self._middle = self._blocks = None

    def nearest(self, vector: NDArray[np.float32]) -> Nearest:
        """Return a function that gives at most so many rows `(seq, cosine)` nearest to a vector, best first."""
        import numpy as np

        blocks, middle = self._blocks, self._middle
        if blocks is None or middle is None or len(vector) != len(middle):
            return lambda _count: []
        distances = codes.distances(blocks, codes.bits(vector[None, :], middle)[0])
        least = max(_LEAST_CANDIDATES, len(distances) // _SHARE)

        def best(count: int) -> list[tuple[int, float]]:
            places = codes.closest(distances, max(least, _CANDIDATES * count))
            block, row = np.divmod(places, BLOCK)
            places = places[blocks["names"][block, row] != 0]
            cosines = codes.cosines(blocks, places, vector)
            if count < len(places):
                chosen = np.argpartition(-cosines, count)[:count]
                places, cosines = places[chosen], cosines[chosen]
            order = np.argsort(-cosines, kind="stable")
            return list(zip(places[order].tolist(), cosines[order].tolist(), strict=True))

        return best

    def holding(self, seqs: Sequence[int]) -> int:
        """Return how many of these rows are in the file."""
        return len(self._places(seqs))

    def _places(self, seqs: Sequence[int]) -> NDArray[np.int64]:
        import numpy as np

        blocks = self._blocks
        if blocks is None:
            return np.zeros(0, dtype=np.int64)
        places = np.array([seq for seq in seqs if 0 <= seq < len(blocks) * BLOCK], dtype=np.int64)
        block, row = np.divmod(places, BLOCK)
        there: NDArray[np.int64] = places[blocks["names"][block, row] != 0]
        return there

    def cosines(self, vector: NDArray[np.float32], seqs: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of these rows that is in the file."""
        blocks, middle = self._blocks, self._middle
        if blocks is None or middle is None or len(vector) != len(middle):
            return {}
        places = self._places(seqs)
        values = codes.cosines(blocks, places, vector)
        return dict(zip(places.tolist(), values.tolist(), strict=True))

    @contextmanager
    def writing(self) -> Iterator[VectorFileWriter | None]:
        """Give what writes the file; None when another process is writing it."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        if not lock.try_acquire():
            yield None
            return
        try:
            self.open()
            yield VectorFileWriter(self, self._fingerprint)
        finally:
            self.open()
            lock.release()


class VectorFileWriter:
    """Changes a file, block by block.

    Args:
        file: The file, which this process alone may write.
        fingerprint: Whose vectors.
    """

    def __init__(self, file: VectorFile, fingerprint: str) -> None:
        self.file = file
        self._fingerprint = fingerprint

    def create(self, vectors: NDArray[np.float32], rows: int) -> None:
        """Begin a new file in the place of the old one; whoever reads the old one may go on.

        Args:
            vectors: Some of the rows, that show how they are best told apart.
            rows: How many rows there will be at least.
        """
        dimensions = vectors.shape[1]
        path = self.file.path
        fresh = path.with_name(path.name + ".tmp")
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
            file.write(_HEAD.pack(_MAGIC, dimensions, BLOCK, _named(self._fingerprint)))
            file.seek(_MARKS_AT)
            file.write(_MARKS.pack(-1, -1, -1))
            file.seek(_PAGE)
            file.write(codes.middle(vectors).astype("<f4").tobytes())
            file.truncate(_start(dimensions) + codes.layout(dimensions).itemsize * (rows // BLOCK + 1))
        # A file that is mapped cannot be replaced on Windows.
        self.file.close()
        fresh.replace(path)
        self.file.open()

    def put(self, rows: Sequence[VectorRow], *, gone: Sequence[int] = ()) -> None:
        """Add or replace rows, and blank those that are gone."""
        import numpy as np

        # A vector of another length is ill: the record's doctor finds it.
        rows = [row for row in rows if len(row.vector) == 4 * self._dimensions]
        places = np.array([row.seq for row in rows], dtype=np.int64)
        lost = np.array(gone, dtype=np.int64)
        self._grow(int(places.max(initial=0)))
        for number in np.unique(np.concatenate([places, lost]) // BLOCK).tolist():
            chosen = [row for row in rows if row.seq // BLOCK == number]
            self._write(number, chosen, lost[lost // BLOCK == number] % BLOCK)

    def _grow(self, last: int) -> None:
        blocks = self._blocks
        wanted = last // BLOCK + 1
        if wanted > len(blocks):
            # A quarter more, since whoever reads has to map it again; what is not written takes no room on the disk.
            wanted = max(wanted, len(blocks) * 5 // 4)
            size = _start(self._dimensions) + blocks.dtype.itemsize * wanted
            with self.file.path.open("r+b", buffering=0) as file:
                file.truncate(size)
            self.file.open()

    @property
    def _blocks(self) -> NDArray[np.void]:
        blocks = self.file.blocks
        assert blocks is not None
        return blocks

    @property
    def _dimensions(self) -> int:
        return int(self._blocks["numbers"].shape[2])

    def _write(self, number: int, rows: Sequence[VectorRow], gone: NDArray[np.int64]) -> None:
        import numpy as np

        block = self._blocks[number : number + 1].copy()
        for field in ("names", "numbers", "scales"):
            block[field][0][gone] = 0
        block["bits"][0][:, gone] = 0
        if rows:
            vectors = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f4").reshape(len(rows), -1)
            at = np.array([row.seq for row in rows]) % BLOCK
            middle = self.file.middle
            assert middle is not None
            block["bits"][0][:, at] = codes.bits(vectors, middle).T
            block["numbers"][0][at], block["scales"][0][at] = codes.numbers(vectors)
            block["names"][0][at] = np.array([name_of(row.hash) for row in rows], dtype=np.uint64)
        with self.file.path.open("r+b", buffering=0) as file:
            file.seek(_start(self._dimensions) + block.dtype.itemsize * number)
            _write_all(file.fileno(), memoryview(block.tobytes()))

    def follow(self, marks: VectorMarks) -> None:
        """Note how far the file follows the record, once the rows are on the disk."""
        with self.file.path.open("r+b", buffering=0) as file:
            with contextlib.suppress(OSError):
                os.fsync(file.fileno())
            file.seek(_MARKS_AT)
            file.write(_MARKS.pack(marks.vectors, marks.changes, marks.turns))


def _named(fingerprint: str) -> bytes:
    return fingerprint.encode()[:64]


def _start(dimensions: int) -> int:
    return _PAGE + -(-dimensions * 4 // _PAGE) * _PAGE


def _write_all(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]
