"""A process that has taken turns with recall by vectors; prints how much memory it holds in megabytes.

`python -m bench.loaded DATABASE [MODEL_FOLDER]`, with the provider's key and URL in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from bench.corpus import Corpus
from bench.embedder import HashingEmbedder
from bench.records import memory_over, settings_for
from bench.terminal import resident_mb
from bench.turn import MODEL
from lra.runtime import Runtime
from lra.session import Session
from lra.store import StructuredMemoryStore


async def _main(database: Path, model: Path | None) -> None:
    embedder: Any = HashingEmbedder()
    if model is not None:
        from lra.memory.embedding.onnx import OnnxEmbedder

        embedder = OnnxEmbedder(model)
    settings = settings_for(database)
    store = StructuredMemoryStore(settings.database_url)
    memory = memory_over(store, settings, embedder)
    await memory.start()
    await memory.drain(120)
    session = await Session.open(Runtime(settings, store, memory), model=MODEL, origin="library")
    corpus = Corpus(seed=3)
    for sentence in corpus.sentences(5):
        async for _ in session.send(corpus.question(sentence)):
            pass
        await memory.search(sentence, limit=10)
    print(f"{resident_mb(os.getpid()):.1f}")
    await session.close(summarize=False)
    await memory.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
