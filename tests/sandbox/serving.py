"""The service as a process of its own, to be used, stopped and killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from sandbox.http_client import HttpClient

ROOT = Path(__file__).parents[2]
KEY = "a-key"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    url: str
    env: dict[str, str]
    process: Process

    @classmethod
    async def start(cls, provider: str, *, more: tuple[str, ...] = (), **env: str) -> Service:
        """Start it; a setting such as `SANDBOX_POOL` may be given."""
        url = f"http://127.0.0.1:{free_port()}"
        settings = {"LRA_SANDBOX_PROVIDER": provider, "SANDBOX_API_KEY": KEY, "SANDBOX_POOL": "0", **env}
        service = cls(url, os.environ | settings, await _process(url, os.environ | settings, more))
        await service.answers()
        return service

    async def again(self) -> None:
        """Start it anew at the same place."""
        self.process = await _process(self.url, self.env, ())
        await self.answers()

    async def answers(self) -> None:
        async with httpx.AsyncClient() as http:
            for _ in range(600):
                with contextlib.suppress(httpx.HTTPError):
                    await http.get(f"{self.url}/health", timeout=30)
                    return
                assert self.process.returncode is None, "the service ended"
                await asyncio.sleep(0.05)
        raise AssertionError("the service does not answer")

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            await asyncio.wait_for(self.process.wait(), 120)

    def client(self, key: str = KEY) -> HttpClient:
        return HttpClient(self.url, key)

    def http(self, key: str = KEY) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


async def _process(url: str, env: dict[str, str], more: tuple[str, ...]) -> Process:
    command = [sys.executable, "-m", "uvicorn", "sandbox.server:app", "--port", url.rpartition(":")[2], *more]
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextlib.asynccontextmanager
async def serving(provider: str, *, more: tuple[str, ...] = (), **env: str) -> AsyncIterator[Service]:
    service = await Service.start(provider, more=more, **env)
    try:
        yield service
    finally:
        await service.stop()
