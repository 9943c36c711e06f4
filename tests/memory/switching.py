"""A process that indexes with the embedder of a folder; `python -m tests.memory.switching HOME MODEL [SECONDS]`.

It answers questions from standard input with the fingerprint that answers, and what was found by it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lra.config import load_settings
from lra.memory import Memory
from lra.memory.embedding.onnx import OnnxEmbedder


def slowed(seconds: float) -> None:
    """Make every batch take so long, so that a change of embedder can be watched and cut off."""
    embed = OnnxEmbedder.embed_documents

    async def slow(self: OnnxEmbedder, texts: Sequence[str]) -> Any:
        await asyncio.sleep(seconds)
        return await embed(self, texts)

    OnnxEmbedder.embed_documents = slow  # type: ignore[method-assign]


async def main(home: Path, model: Path) -> None:
    settings = load_settings(home, environ={"LRA_HOME": str(home), "LRA_EMBEDDING": str(model)})
    memory = Memory(settings=settings)
    await memory.start()
    print("ready", flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        if line[0] == "write":
            for number in range(int(line[1]), int(line[2])):
                await memory.remember(f"{' '.join(line[3:])} number {number}")
            print("kept", flush=True)
        elif line[0] == "drain":
            print("drained" if await memory.drain(float(line[1])) else "left", flush=True)
        else:
            hits = await memory.search(" ".join(line[1:]), limit=5)
            index = memory._semantic._exact
            answering = index.fingerprint if index is not None else None
            print(answering, sum("cosine" in hit.signals for hit in hits), flush=True)
    await memory.close()
    await memory.store.close()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        slowed(float(sys.argv[3]))
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
