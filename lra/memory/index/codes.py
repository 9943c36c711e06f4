"""Vectors in short: one bit a dimension to look through all of them, two bytes a dimension to compare the best.

A bit says on which side of a middle a value lies, zero or the mean. Rows that agree in many bits are near each other;
of those the nearest are told by the longer form, whose cosines are right to four digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 8192
"""Rows that lie together, bits with bits and numbers with numbers."""
_FULL = 32767
_ASKED = 64
_NEAR = 10


def layout(dimensions: int) -> np.dtype[np.void]:
    """Return how a block of rows lies in a file; what says that a row is there comes last, and so is written last."""
    import numpy as np

    return np.dtype(
        [
            ("bits", "<u8", (_words(dimensions), BLOCK)),
            ("numbers", "<i2", (BLOCK, dimensions)),
            ("scales", "<f4", (BLOCK,)),
            ("names", "<u8", (BLOCK,)),
        ]
    )


def _words(dimensions: int) -> int:
    return -(-dimensions // 64)


def middle(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what values are best divided by, zero or the mean, told by asking some of the vectors for the others."""
    import numpy as np

    zero, mean = np.zeros(vectors.shape[1], dtype=np.float32), vectors.mean(axis=0).astype(np.float32)
    asked = vectors[:: max(1, len(vectors) // _ASKED)]
    near = np.argsort(-(asked @ vectors.T), axis=1, kind="stable")[:, :_NEAR]

    def found(middle: NDArray[np.float32]) -> int:
        rows, count = bits(vectors, middle), 0
        for question, wanted in zip(bits(asked, middle), near, strict=True):
            differing = np.bitwise_count(rows ^ question).sum(axis=1, dtype=np.int64)
            count += int(np.isin(wanted, np.argsort(differing, kind="stable")[: max(_NEAR, len(rows) // 32)]).sum())
        return count

    # All values of one sign tell nothing, and their ties would be told apart by their order.
    same = len(np.unique(bits(vectors, zero), axis=0)) == 1
    return mean if same or found(mean) > found(zero) else zero


def bits(vectors: NDArray[np.float32], middle: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return the bits of each row, 64 to a number."""
    import numpy as np

    count, dimensions = vectors.shape
    padded = np.zeros((count, _words(dimensions) * 64), dtype=bool)
    padded[:, :dimensions] = vectors > middle
    packed: NDArray[np.uint64] = np.packbits(padded, axis=1, bitorder="little").view("<u8")
    return packed


def numbers(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Return each row in whole numbers, and what a one of them stands for."""
    import numpy as np

    scales = np.abs(vectors).max(axis=1) / _FULL
    scales[scales == 0] = 1
    return np.rint(vectors / scales[:, None]).astype("<i2"), scales.astype("<f4")


def distances(blocks: NDArray[np.void], question: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Return in how many bits each row of the blocks differs from a question."""
    import numpy as np

    found = np.empty((len(blocks), BLOCK), dtype=np.uint16)
    asked = question[:, None]
    different = np.empty((len(question), BLOCK), dtype=np.uint64)
    counts = np.empty((len(question), BLOCK), dtype=np.uint8)
    for block, target in zip(blocks["bits"], found, strict=True):
        np.bitwise_xor(block, asked, out=different)
        np.bitwise_count(different, out=counts)
        np.add.reduce(counts, axis=0, dtype=np.uint16, out=target)
    return found.ravel()


def closest(distances: NDArray[np.uint16], count: int) -> NDArray[np.int64]:
    """Return the places of at least so many of the smallest distances, ties included, in order of place."""
    import numpy as np

    if count >= len(distances):
        return np.arange(len(distances))
    cut = int(np.searchsorted(np.cumsum(np.bincount(distances)), count))
    return np.flatnonzero(distances <= cut)


def cosines(blocks: NDArray[np.void], places: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine of the rows at these places."""
    import numpy as np

    block, row = np.divmod(places, BLOCK)
    found = np.empty(len(places), dtype=np.float32)
    for start in range(0, len(places), BLOCK):
        part = slice(start, start + BLOCK)
        rows = blocks["numbers"][block[part], row[part]].astype(np.float32)
        found[part] = np.vecdot(rows, vector) * blocks["scales"][block[part], row[part]]
    return found
