"""What importing and using memory loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "onnxruntime", "tokenizers", "chromadb", "pydantic", "pydantic_ai", "httpx")
USE = """
import asyncio
async def main():
    memory = lra.memory.Memory()
    await memory.remember("My dog is called Rex")
    assert await memory.recall("what is my dog called?")
    await memory.status()
    await memory.close()
    await memory.store.close()
asyncio.run(main())
"""


@pytest.mark.parametrize("use", ["", USE], ids=["imported", "used without an embedder"])
def test_nothing_heavy_is_loaded(use: str) -> None:
    code = f"import sys, lra.memory\n{use}\nprint(sorted({HEAVY!r} & sys.modules.keys()))".replace(
        repr(HEAVY) + " &", f"set({HEAVY!r}) &"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert run.stderr == ""
    assert run.stdout == "[]\n"
