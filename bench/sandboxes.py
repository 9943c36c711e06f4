"""The service that the benchmarks of sandboxes use, with pandas in its containers where it can be had."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from sandbox.errors import SandboxError
from sandbox.wheels import fetched
from tests.sandbox.serving import Service

CELL = "import pandas as pd\nint(pd.DataFrame({'a': [1, 2, 3]}).a.sum())"


class Over:
    """Sandboxes over HTTP."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def create(self, **options: Any) -> str:
        answer = await self.http.post("/sandboxes", json=options)
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def cell(self, sandbox_id: str, code: str, kind: str = "execute", name: str = "code") -> dict[str, Any]:
        answer = await self.http.post(f"/sandboxes/{sandbox_id}/{kind}", json={name: code, "timeout": 120})
        answer.raise_for_status()
        ran: dict[str, Any] = answer.json()
        assert ran["success"], ran
        return ran

    async def delete(self, sandbox_id: str) -> None:
        (await self.http.delete(f"/sandboxes/{sandbox_id}")).raise_for_status()

    async def warm(self, count: int, seconds: float = 180) -> None:
        """Wait until so many are ready."""
        until = asyncio.get_running_loop().time() + seconds
        while (await self.http.get("/health")).json()["warm"] < count:
            if asyncio.get_running_loop().time() > until:
                raise SandboxError("Nothing is kept ready.")
            await asyncio.sleep(0.05)
        # What filled it has ended, and its processes have been buried.
        await asyncio.sleep(0.1)


@asynccontextmanager
async def service(provider: str, pool: int, **env: str) -> AsyncIterator[tuple[Over, Service]]:
    """Run the service as a process of its own."""
    started = await Service.start(provider, more=("--log-level", "warning"), SANDBOX_POOL=str(pool), **env)
    try:
        async with started.http() as http:
            http.timeout = httpx.Timeout(300)
            yield Over(http), started
    finally:
        await started.stop()


@asynccontextmanager
async def pandas_wheels(python: str) -> AsyncIterator[dict[str, str]]:
    """Yield settings with which images with pandas can be built where no index is reached; none where it cannot."""
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="lra-wheels-")
    try:
        given, settings = os.environ.pop("SANDBOX_WHEELS", None), dict[str, str]()
        with suppress(SandboxError):
            async with fetched(["pandas"], python, os.uname().machine) as wheels:
                for wheel in [*wheels, *(Path(given).glob("*.whl") if given else ())]:
                    shutil.copy(wheel, folder)
            settings = {"SANDBOX_WHEELS": folder} if given else {}
        if given:
            os.environ["SANDBOX_WHEELS"] = given
        yield settings
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)


async def finished(*command: str) -> None:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


async def notebook(rounds: int) -> dict[str, float] | None:
    """Return what a kernel of Jupyter takes, with the Python that `LRA_BENCH_JUPYTER` names; None without one."""
    python = os.environ.get("LRA_BENCH_JUPYTER")
    if not python:
        return None
    program = Path(__file__).with_name("reference") / "notebook.py"
    process = await asyncio.create_subprocess_exec(python, str(program), str(rounds), stdout=PIPE, stderr=DEVNULL)
    out, _ = await process.communicate()
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


async def web() -> tuple[Process, int]:
    """Start a web server; return it and its port."""
    import sys

    program = Path(__file__).with_name("reference") / "web.py"
    process = await asyncio.create_subprocess_exec(sys.executable, str(program), stdout=PIPE)
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    line = next(each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def private(pid: int) -> float:
    """Return the memory in MB that a process shares with nobody."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) / 1024
