"""`lra sandbox serve` either serves, or says in one sentence why it does not."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


async def _serve(*arguments: str, **env: str) -> tuple[int | None, list[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lra", "sandbox", "serve", "--pool", "0", *arguments),
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, said.decode().splitlines()


async def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = await _serve("--port", port)
    assert (code, len(said)) == (69, 1)
    assert f"port {port}: address already in use" in said[0]


async def test_an_address_that_is_not_here() -> None:
    code, said = await _serve("--host", "192.0.2.7", "--port", "1", SANDBOX_API_KEY="x")
    assert (code, len(said)) == (69, 1)
    assert "cannot listen at 192.0.2.7" in said[0]


async def test_a_public_address_without_a_key() -> None:
    code, said = await _serve("--host", "0.0.0.0")
    assert (code, len(said)) == (69, 1)
    assert "set SANDBOX_API_KEY" in said[0]


@pytest.mark.parametrize("mode", [0o755, 0o777])
async def test_a_folder_that_others_can_read(run_folder: Path, mode: int) -> None:
    run_folder.chmod(mode)
    code, said = await _serve("--port", "1")
    assert (code, len(said)) == (69, 1)
    assert "is not private" in said[0]
