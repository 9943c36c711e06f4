"""The Docker engine ends and comes back while it is used: clear errors meanwhile, and everything works again.

Part of `make soak` alone, since it starts an engine of its own: as root, with `dockerd`.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import records
from sandbox.errors import GoneError, LimitError, NotFoundError, SandboxError, UnavailableError
from sandbox.providers.docker import DockerProvider
from sandbox.providers.docker.image import KERNEL
from tests.sandbox.running import Running
from tests.sandbox.serving import Service, serving

CLIENTS = 8
LIMITS = {"memory_mb": 128, "pids": 32, "disk_mb": 4, "cpus": 0.5}
CLEAR = (UnavailableError, GoneError, NotFoundError, LimitError)


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@dataclass
class Engine:
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def bridge(self) -> str:
        """Its own: an engine without one would take the other engine's away."""
        return f"lra{self.folder.name[-8:]}"

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/s"

    async def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *("dockerd", "--host", self.url, "--data-root", f"{self.folder}/data"),
                *("--exec-root", f"{self.folder}/exec", "--pidfile", f"{self.folder}/pid"),
                *("--bridge", self.bridge, "--iptables=false", "--ip-forward=false"),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(300):
            with contextlib.suppress(AssertionError):
                await _said("docker", "--host", self.url, "version")
                return
            await asyncio.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    async def end(self, number: signal.Signals) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
            await asyncio.wait_for(self.process.wait(), 60)

    async def containers(self) -> list[str]:
        return (await _said("docker", "--host", self.url, "ps", "--all", "--quiet")).split()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    provider = DockerProvider()
    if reason := await provider.check():
        pytest.skip(reason)
    await provider.build({})
    engine = Engine(Path(tempfile.mkdtemp(prefix="lrae")))
    await _said("ip", "link", "add", engine.bridge, "type", "bridge")
    try:
        await _said("ip", "address", "add", "192.0.2.1/24", "dev", engine.bridge)
        await engine.start()
        image = str(engine.folder / "image.tar")
        await _said("docker", "save", "--output", image, KERNEL)
        await _said("docker", "--host", engine.url, "load", "--input", image)
        yield engine
    finally:
        if engine.process is not None:
            await engine.end(signal.SIGTERM)
        await _said("ip", "link", "delete", engine.bridge)
        await asyncio.to_thread(shutil.rmtree, engine.folder, ignore_errors=True)


async def _use(service: Service, until: asyncio.Event, seen: Counter[str]) -> None:
    client = service.client()
    while not until.is_set():
        try:
            box = await Running.create(client, limits=LIMITS)
            for _ in range(5):
                ran = await box.run("6 * 7")
                assert ran.done["status"] in {"ok", "timeout", "error"}, ran.events
                seen["cell"] += ran.done["status"] == "ok"
            await client.delete(box.id)
        except CLEAR as error:
            seen[error.message] += 1
            await asyncio.sleep(0.2)
    await client.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_an_engine_that_ends_under_load(engine: Engine, number: signal.Signals) -> None:
    async with serving("docker", DOCKER_HOST=engine.url, SANDBOX_POOL="2") as service:
        client, enough, seen = service.client(), asyncio.Event(), Counter[str]()
        lasting = await Running.create(client, limits=LIMITS)
        await lasting.ok("kept = 1")
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(_use(service, enough, seen))
            await asyncio.sleep(5)
            before = seen["cell"]
            await engine.end(number)
            await asyncio.sleep(4)
            await engine.start()
            for _ in range(150):
                with contextlib.suppress(SandboxError):
                    box = await Running.create(client, limits=LIMITS)
                    assert (await box.ok("6 * 7")).result == "42"
                    await client.delete(box.id)
                    break
                await asyncio.sleep(0.2)
            else:
                pytest.fail("the service does not recover")
            back = seen["cell"]
            await asyncio.sleep(5)
            enough.set()
        cells = seen.pop("cell")
        print(number.name, {"cells": cells, "said": sorted(seen.items(), key=lambda each: -each[1])[:6]})
        assert before
        assert not any(odd in said for said in seen for odd in ("Traceback", "Error(", "('"))
        assert cells > back, "nobody could work afterwards"
        # What was there before has ended with the engine, and is not listed for ever.
        with pytest.raises((GoneError, NotFoundError)):
            await lasting.ok("kept")
        for _ in range(100):
            if not await client.list_sandboxes() and all(record.pooled for record in records.everything()):
                break
            await asyncio.sleep(0.2)
        assert await client.list_sandboxes() == []
        assert all(record.pooled for record in records.everything())
        await client.close()
    for _ in range(100):
        if not await engine.containers():
            break
        await asyncio.sleep(0.2)
    assert await engine.containers() == []
    assert list(records.everything()) == []
