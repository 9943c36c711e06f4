"""The vector index: built in the background from the record, rebuilt from it whenever it is ill."""

from __future__ import annotations

import logging

from lra.memory.index.worker import Indexer

__all__ = ["Indexer"]

# Without a handler of the program's own, Python would print warnings into a conversation.
logging.getLogger("lra.memory").addHandler(logging.NullHandler())
