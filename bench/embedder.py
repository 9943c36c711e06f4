"""An embedder without a model: each word has a random direction, a text the sum of its words'."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lra.memory.embedding.base import fingerprint, unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 384


class HashingEmbedder:
    """Implements `lra.memory.embedding.base.Embedder`; equal texts have equal vectors in every process."""

    def __init__(self) -> None:
        self._directions: dict[str, NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        return "bench-hashing"

    @property
    def fingerprint(self) -> str:
        return fingerprint("bench hashing", f"crc32 words, {DIMENSIONS}")

    @property
    def dimensions(self) -> int | None:
        return DIMENSIONS

    def _direction(self, word: str) -> NDArray[np.float32]:
        found = self._directions.get(word)
        if found is None:
            random = np.random.default_rng(zlib.crc32(word.encode()))
            found = self._directions[word] = random.standard_normal(DIMENSIONS, dtype=np.float32)
        return found

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts at once; a row of its own per text."""
        sums = [np.sum([self._direction(word) for word in text.lower().split() or [""]], axis=0) for text in texts]
        return unit_rows(np.asarray(sums, dtype=np.float32))

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.vectors(texts)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.vectors([text])[0]
        return vector

    async def close(self) -> None:
        pass
