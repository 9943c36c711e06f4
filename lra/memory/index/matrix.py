"""Vectors in memory, one matrix for each kind of row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lra.store.vectors import VectorRow


Nearest = Callable[[int], list[tuple[int, float]]]
_BLOCK = 64


class Matrix:
    """Rows of unit vectors, found by a row's sequence number; grows by doubling."""

    def __init__(self) -> None:
        self._vectors: NDArray[np.float32] | None = None
        self._seqs: NDArray[np.int64] | None = None
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, seq: int) -> bool:
        return seq in self._places

    @property
    def seqs(self) -> list[int]:
        """The rows that are there."""
        return list(self._places)

    def put(self, rows: Sequence[VectorRow]) -> None:
        """Add rows; one that is there already gets the new vector."""
        import numpy as np

        size = 4 * self._vectors.shape[1] if self._vectors is not None else usual_size(rows)
        rows = [row for row in rows if len(row.vector) == size]
        if not rows:
            return
        fresh = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f4").reshape(len(rows), -1)
        self._reserve(len(self._places) + len(rows), fresh.shape[1])
        assert self._vectors is not None
        assert self._seqs is not None
        for row, vector in zip(rows, fresh, strict=True):
            place = self._places.setdefault(row.seq, len(self._places))
            self._vectors[place] = vector
            self._seqs[place] = row.seq

    def _reserve(self, rows: int, dimensions: int) -> None:
        import numpy as np

        if self._vectors is None or self._seqs is None:
            self._vectors = np.zeros((max(256, rows), dimensions), dtype=np.float32)
            self._seqs = np.zeros(max(256, rows), dtype=np.int64)
        elif rows > len(self._vectors):
            size = max(rows, len(self._vectors) * 3 // 2)
            self._vectors = np.concatenate(
                [self._vectors, np.zeros((size - len(self._vectors), dimensions), dtype=np.float32)]
            )
            self._seqs = np.concatenate([self._seqs, np.zeros(size - len(self._seqs), dtype=np.int64)])

    def nearest(self, vector: NDArray[np.float32]) -> Nearest:
        """Return a function that gives the so many rows `(seq, cosine)` nearest to a vector, best first."""
        import numpy as np

        size = len(self._places)
        if self._vectors is None or self._seqs is None or not size:
            return lambda _count: []
        seqs = self._seqs
        # BLAS would use all cores for it, and on a busy machine wait for them longer than it computes.
        cosines = np.vecdot(self._vectors[:size], vector)

        def best(count: int) -> list[tuple[int, float]]:
            near = _highest(cosines, min(count, size))
            near = near[np.argsort(-cosines[near], kind="stable")]
            return list(zip(seqs[near].tolist(), cosines[near].tolist(), strict=True))

        return best

    def cosines(self, vector: NDArray[np.float32], seqs: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of these rows that has a vector."""
        import numpy as np

        known = [seq for seq in seqs if seq in self._places]
        if self._vectors is None or not known:
            return {}
        values = np.vecdot(self._vectors[[self._places[seq] for seq in known]], vector)
        return {seq: float(value) for seq, value in zip(known, values, strict=True)}


def usual_size(rows: Sequence[VectorRow]) -> int:
    """Return how many bytes most of the vectors have; one of another length cannot be compared with them."""
    return Counter(len(row.vector) for row in rows).most_common(1)[0][0] if rows else 0


def _highest(values: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the places of the highest values, in no order."""
    import numpy as np

    size = len(values)
    if count >= size:
        return np.arange(size)
    blocks = size // _BLOCK
    if blocks <= count:
        return np.argpartition(values, size - count)[size - count :]
    # The highest values are in the blocks with the highest maxima, so that only those few are sorted.
    maxima = values[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    chosen = np.argpartition(maxima, blocks - count)[blocks - count :]
    places = (chosen[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
    places = np.concatenate([places, np.arange(blocks * _BLOCK, size)])
    return places[np.argpartition(values[places], len(places) - count)[len(places) - count :]]
