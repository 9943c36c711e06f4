"""Many clients at once who make, use, leave and delete sandboxes as it comes; afterwards nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from sandbox import records
from sandbox.errors import ConflictError, LimitError, NotFoundError, UnavailableError
from sandbox.http_client import HttpClient
from sandbox.providers.base import Provider
from sandbox.server import _THREADS
from tests.sandbox.running import Running
from tests.sandbox.serving import Service, serving

CLIENTS = int(os.environ.get("LRA_SOAK_CLIENTS", "10"))
SECONDS = float(os.environ.get("LRA_SOAK_SECONDS", "5"))
MOST_GROWTH_MB = 64
MOST = 100
"""Sandboxes at once: fewer than many clients want, so that some are told that there is no room."""
LIMITS = {"memory_mb": 128, "pids": 32, "disk_mb": 4, "cpus": 0.5}
# What a busy service may say; everything else is a fault.
TOLD = (ConflictError, LimitError, NotFoundError)


class Tenant:
    """One client."""

    def __init__(self, service: Service, seed: int, seen: Counter[str]) -> None:
        self.client: HttpClient = service.client()
        self.random = random.Random(seed)
        self.seen = seen
        self.box: Running | None = None
        self.cells = 0

    async def live(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            if self.box is None:
                await self.step("create", self.create())
                continue
            what = self.random.choices(
                ("cell", "left", "hung_up", "shell", "file", "pause", "interrupt", "delete"), (8, 2, 1, 4, 3, 1, 1, 3)
            )[0]
            await self.step(what, getattr(self, what)())
        if self.box is not None:
            await self.step("delete", self.delete())
        await self.client.close()

    async def step(self, what: str, work: object) -> None:
        try:
            await work  # type: ignore[misc]
            self.seen[what] += 1
        except TOLD as error:
            self.seen[f"{what}: {error.kind}"] += 1
            await asyncio.sleep(self.random.random() * 3)

    async def create(self) -> None:
        self.box = await Running.create(self.client, limits=LIMITS)
        self.cells = 0

    async def cell(self) -> None:
        assert self.box is not None
        ran = await self.box.run("n = globals().get('n', 0) + 1\nprint('x' * 1000)\nn")
        assert ran.done["status"] in {"ok", "interrupted"}, ran.events
        if ran.done["status"] == "ok":
            self.cells += 1
            assert ran.result == str(self.cells), "somebody else's variables"

    async def left(self) -> None:
        assert self.box is not None
        async with contextlib.aclosing(self.client.execute(self.box.id, "print('on')\nwhile True: pass")) as events:
            async for _ in events:
                break

    async def hung_up(self) -> None:
        assert self.box is not None
        with contextlib.suppress(UnavailableError):
            url, key = str(self.client._http.base_url), self.client._http.headers["authorization"]
            async with httpx.AsyncClient(base_url=url, headers={"Authorization": key}, timeout=0.2) as http:
                with contextlib.suppress(httpx.HTTPError):
                    await http.post(f"/sandboxes/{self.box.id}/execute", json={"code": "while True: pass"})

    async def shell(self) -> None:
        assert self.box is not None
        ran = await self.box.shell("echo $((6 * 7)); (sleep 1000 &) >/dev/null 2>&1")
        assert ran.out == "42\n", ran.events

    async def file(self) -> None:
        assert self.box is not None
        data = self.random.randbytes(100_000)
        await self.client.write(self.box.id, "f.bin", data)
        assert await self.box.read("f.bin") == data

    async def pause(self) -> None:
        assert self.box is not None
        await self.client.pause(self.box.id)
        await self.client.resume(self.box.id)

    async def interrupt(self) -> None:
        assert self.box is not None
        await self.client.interrupt(self.box.id)

    async def delete(self) -> None:
        box, self.box = self.box, None
        assert box is not None
        await self.client.delete(box.id)


def _figures(pid: int) -> tuple[int, int, float]:
    """Return descriptors, threads and resident memory in MB of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]), int(status["VmRSS"].split()[0]) / 1024


async def _crowd(service: Service, clients: int, seconds: float, seen: Counter[str]) -> None:
    until = asyncio.get_running_loop().time() + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(Tenant(service, number, seen).live(until))


@pytest.mark.timeout(900)
async def test_a_crowd_leaves_nothing_behind(provider: Provider) -> None:
    # As `lra sandbox serve` keeps connections.
    more = ("--timeout-keep-alive", "60")
    async with serving(provider.name, more=more, SANDBOX_POOL="2", SANDBOX_MOST=str(MOST)) as service:
        await _crowd(service, 4, 2.0, Counter())  # what is loaded once is loaded now
        await asyncio.sleep(1)
        fds, threads, memory = _figures(service.process.pid)
        seen: Counter[str] = Counter()
        slowest = asyncio.create_task(_slowest_answer(service, SECONDS))
        await _crowd(service, CLIENTS, SECONDS, seen)
        print(dict(seen))
        print("slowest answer of the service meanwhile:", round(await slowest, 2), "s")
        assert seen["create"]
        assert seen["cell"]
        client = service.client()
        assert await client.list_sandboxes() == []
        for _ in range(300):
            if len(list(records.everything())) <= 4 and _figures(service.process.pid)[0] <= fds + 8:
                break
            await asyncio.sleep(0.1)
        after = _figures(service.process.pid)
        print("descriptors, threads, memory:", (fds, threads, round(memory)), after)
        # No more than what waits in the pool, and a connection or two.
        assert all(record.pooled for record in records.everything())
        assert after[0] <= fds + 8
        assert after[1] <= threads + _THREADS  # threads that wait for work are kept, as many as were ever busy at once
        assert after[2] <= memory + MOST_GROWTH_MB
        text = Path(f"/proc/{service.process.pid}/net/tcp").read_text()
        assert _waiting_to_be_closed(text, int(service.url.rpartition(":")[2])) == 0
        box = await Running.create(client)
        assert (await box.ok("6 * 7")).result == "42"
        await client.close()
    assert list(records.everything()) == []


async def _slowest_answer(service: Service, seconds: float) -> float:
    """Return how long the service took at most to say that it is well."""
    loop = asyncio.get_running_loop()
    until, most = loop.time() + seconds, 0.0
    async with service.http() as http:
        while loop.time() < until:
            started = loop.time()
            (await http.get("/health")).raise_for_status()
            most = max(most, loop.time() - started)
            await asyncio.sleep(0.5)
    return most


def _waiting_to_be_closed(table: str, port: int) -> int:
    """Return how many connections to a port the other side has left and this one has not."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "08" for row in rows)
