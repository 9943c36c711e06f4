"""A deterministic embedder that needs no model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lra.errors import UnavailableError


class HashingEmbedder:
    """Each word has a direction of its own; a text is their sum. Counts what it embeds."""

    def __init__(self, version: str = "a", dimensions: int = 384) -> None:
        self.name = f"hashing-{version}"
        self.fingerprint = f"hashing-{version}-{dimensions}"
        self.dimensions: int | None = dimensions
        self.embedded: list[str] = []
        self.refuse: set[str] = set()
        self.down = False

    def _vector(self, text: str) -> NDArray[np.float32]:
        total = np.full(self.dimensions or 0, 1e-3, dtype=np.float32)
        for word in re.findall(r"\w+", text.lower()):
            seed = int.from_bytes(hashlib.sha256(f"{self.name}{word}".encode()).digest()[:8], "little")
            total += np.random.default_rng(seed).standard_normal(self.dimensions or 0).astype(np.float32)
        return (total / np.linalg.norm(total)).astype(np.float32)

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.down:
            raise UnavailableError("The embedder is down.")
        if self.refuse & set(texts):
            raise ValueError("bad text")
        self.embedded.extend(texts)
        return np.stack([self._vector(text) for text in texts])

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        if self.down:
            raise UnavailableError("The embedder is down.")
        return self._vector(text)

    async def close(self) -> None:
        return None


def unused(*_: Any) -> None:
    """Stand in where nothing should be called."""
    raise AssertionError("not to be called")
