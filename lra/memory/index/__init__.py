"""The vector index: built in the background from the record, rebuilt from it whenever it is ill."""

from __future__ import annotations

from lra.memory.index.worker import Indexer

__all__ = ["Indexer"]
