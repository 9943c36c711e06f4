"""A process that remembers and searches on command; run as `python -m tests.memory.writer FOLDER PREFIX`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lra.memory import Memory
from lra.store import StructuredMemoryStore
from tests.memory.embedders import HashingEmbedder


async def main(folder: Path, prefix: str) -> None:
    url = f"sqlite+aiosqlite:///{folder / 'agent_memory.db'}"
    memory = Memory(StructuredMemoryStore(url), embedder=HashingEmbedder(), chroma_from=0)
    await memory.start()
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        if line[0] == "write":
            for number in range(int(line[1]), int(line[2])):
                await memory.remember(f"{prefix}{number} words of {prefix}")
                print(f"kept {prefix}{number}", flush=True)
        elif line[0] == "drain":
            print("drained" if await memory.drain(float(line[1])) else "left", flush=True)
        elif line[0] == "words":
            # The first of them, whether it has a vector already or not.
            hits = await memory.search(" ".join(line[1:]), limit=1)
            print(hits[0].content if hits else None, flush=True)
        else:
            hits = await memory.search(" ".join(line[1:]), limit=1)
            vector = bool(hits) and hits[0].signals.get("cosine", 0) > 0.99
            print(f"{hits[0].content if vector else None}", flush=True)
    await memory.close()
    await memory.store.close()


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
