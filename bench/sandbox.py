"""Sandboxes over HTTP against what the same work costs without them: containers, notebook kernels, pipes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.measure import in_turn, quantile
from bench.options import Options
from bench.sandboxes import CELL, Over, finished, notebook, pandas_wheels, private, resident, service, web
from bench.table import Row
from sandbox.errors import SandboxError
from sandbox.providers.registry import choose

SMALL = {"memory_mb": 256, "pids": 64, "disk_mb": 32}
LOUD = {"memory_mb": 512, "output_bytes": 16_000_000}
LINES = "for i in range(100_000): print('line', i)"
PLAIN_FORK = """
import os, sys, time
import numpy, pandas
code = compile(sys.argv[1], "cell", "exec")
taken = []
for _ in range(int(sys.argv[2])):
    started = time.perf_counter()
    read, write = os.pipe()
    if os.fork() == 0:
        exec(code, {})
        os.write(write, b"+")
        os._exit(0)
    os.read(read, 1)
    taken.append((time.perf_counter() - started) * 1000)
    os.wait(); os.close(read); os.close(write)
print(*taken)
"""
REQUESTS = """
import time, urllib.request
def ask(url):
    started = time.perf_counter()
    with urllib.request.urlopen(url) as answer: answer.read()
    return (time.perf_counter() - started) * 1000
for _ in range(5): ask(URL)
print(*(ask(URL) for _ in range(COUNT)))
"""


async def run(options: Options) -> list[Row]:
    """Measure with every provider that works here."""
    with tempfile.TemporaryDirectory(prefix="lrab") as folder:
        os.environ["LRA_SANDBOX_RUN"] = folder
        try:
            rows: list[Row] = []
            for name, measure in (("docker", _docker), ("local", _local)):
                try:
                    await choose(name)
                except SandboxError as error:
                    rows.append(Row(name=f"sandbox {name}", ours=None, note=error.message[:60]))
                    continue
                rows += await measure(options)
            return rows
        finally:
            del os.environ["LRA_SANDBOX_RUN"]


async def _docker(options: Options) -> list[Row]:
    rows: list[Row] = []
    async with pandas_wheels("3.11") as wheels, service("docker", 2, **wheels) as (over, server):
        await over.warm(2)
        rows += await _claims("docker", over, 2, options.rounds(100, 20), {"limits": None})
        rows += await _cells("docker", over, options)
        rows.append(await _cold(over, options))
        rows.append(await _shell(over, options))
        rows.append(await _lines("docker", over, options))
        rows.append(await _gigabyte("docker", over, server.process.pid, options))
        rows += await _pandas("docker", over, options, {"packages": {"pip": ["pandas"]}}, _bare_docker)
    return rows


async def _local(options: Options) -> list[Row]:
    rows: list[Row] = []
    async with service("local", 4) as (over, server):
        await over.warm(4)
        rows += await _claims("local", over, 4, options.rounds(500, 60), {"limits": None})
        rows += await _cells("local", over, options)
        rows.append(await _lines("local", over, options))
        rows.append(await _gigabyte("local", over, server.process.pid, options))
        rows.append(await _memory(over, options))
    rows.append(await _fork(options))
    rows.append(await _proxy(options))
    return rows


async def _claims(name: str, over: Over, pool: int, rounds: int, options: dict[str, Any]) -> list[Row]:
    taken = []
    for _ in range(rounds):
        await over.warm(pool)
        started = time.perf_counter()
        sandbox_id = await over.create(**options)
        taken.append((time.perf_counter() - started) * 1000)
        await over.delete(sandbox_id)
    return [
        Row(
            name=f"sandbox {name}, {rounds} claims: p99 against p50",
            ours=quantile(taken, 0.99),
            reference=quantile(taken, 0.5),
            compare="ratio",
            goal=3.0,
            why="the service refills its pool meanwhile, and with few processors a claim may wait for that",
        )
    ]


async def _cells(name: str, over: Over, options: Options) -> list[Row]:
    rounds = options.rounds(200, 50)
    sandbox_id = await over.create()
    taken = []
    for number in range(rounds + 10):
        started = time.perf_counter()
        await over.cell(sandbox_id, "1 + 1")
        if number >= 10:
            taken.append((time.perf_counter() - started) * 1000)
    await over.delete(sandbox_id)
    reference = await notebook(rounds)
    return [
        Row(
            name=f"sandbox {name}, warm cell over HTTP, against a cell of ipykernel",
            ours=quantile(taken, 0.5),
            reference=reference["cell"] if reference else None,
            compare="ratio",
            goal=1.0,
            note="" if reference else "set LRA_BENCH_JUPYTER to a Python with ipykernel",
        )
    ]


async def _pandas(
    name: str, over: Over, options: Options, wanted: dict[str, Any], reference: Callable[[], Awaitable[object]]
) -> list[Row]:
    label = f"sandbox {name}, create to first result of a pandas cell, against docker run true"
    try:
        first = await over.http.post("/sandboxes", json=wanted)
        first.raise_for_status()
        await over.delete(first.json()["id"])
        await over.warm(4)
    except Exception as error:
        return [Row(name=label, ours=None, note=f"no pandas: {str(error)[:60]}")]

    async def ours(number: int) -> None:
        sandbox_id = await over.create(**wanted)
        await over.cell(sandbox_id, CELL)
        made.append(sandbox_id)

    async def before(number: int) -> None:
        while made:
            await over.delete(made.pop())
        await over.warm(4)

    async def theirs(number: int) -> None:
        await reference()

    made: list[str] = []
    mine, its = await in_turn(ours, theirs, rounds=options.rounds(20, 6), warmup=2, before=before)
    await before(0)
    return [Row(name=label, ours=mine.median, reference=its.median, compare="ratio", goal=0.10)]


async def _bare_docker() -> None:
    await finished("docker", "run", "--rm", "--network=none", "longrunningagents-kernel:latest", "true")


async def _cold(over: Over, options: Options) -> Row:
    """A kernel that nobody kept ready: each is of a kind of its own."""
    seccomp = Path(__file__).parents[1] / "sandbox" / "providers" / "docker" / "seccomp.json"
    hardened = [
        *("docker", "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--pids-limit=64"),
        *("--security-opt=no-new-privileges:true", f"--security-opt=seccomp={seccomp}", "--ipc=private"),
        *("--tmpfs=/workspace:size=8m", "--tmpfs=/tmp:size=8m", "--memory=256m", "--memory-swap=256m", "--cpus=1"),
        *("--user=20001:20001", "longrunningagents-kernel:latest", "true"),
    ]
    made: list[str] = []

    async def ours(number: int) -> None:
        made.append(await over.create(limits=SMALL, env={"ALONE": "1"}))
        await over.cell(made[-1], "1 + 1")

    async def theirs(number: int) -> None:
        await finished(*hardened)

    async def before(number: int) -> None:
        while made:
            await over.delete(made.pop())

    mine, its = await in_turn(ours, theirs, rounds=options.rounds(15, 5), warmup=1, before=before)
    await before(0)
    return Row(
        name="sandbox docker, cold to first result, against a hardened docker run true",
        ours=mine.median, reference=its.median, compare="ratio", goal=1.3,
        why="the reference ends after `true`; ours has also started the guest's interpreter and the one that kernels"
        " are forked from, forked a kernel and run a cell in it",
    )  # fmt: skip


async def _shell(over: Over, options: Options) -> Row:
    import docker

    sandbox_id = await over.create()
    client = docker.from_env()

    async def ours(number: int) -> None:
        await over.cell(sandbox_id, "true", "commands", "command")

    async def theirs(number: int) -> None:
        await asyncio.to_thread(client.containers.get(f"lra-{sandbox_id}").exec_run, "true")

    mine, its = await in_turn(ours, theirs, rounds=options.rounds(40, 10), warmup=3)
    await over.delete(sandbox_id)
    return Row(
        name="sandbox docker, shell call over HTTP, against docker exec",
        ours=mine.median, reference=its.median, compare="ratio", goal=0.15,
    )  # fmt: skip


async def _lines(name: str, over: Over, options: Options) -> Row:
    sandbox_id = await over.create(limits=LOUD)
    headers = {"Accept": "application/x-ndjson"}

    async def ours(number: int) -> None:
        at, size = f"/sandboxes/{sandbox_id}/execute", 0
        async with over.http.stream("POST", at, json={"code": LINES}, headers=headers) as answer:
            async for piece in answer.aiter_bytes():
                size += len(piece)
        assert size > 1_000_000

    async def theirs(number: int) -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", LINES, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        assert len(out) > 1_000_000

    mine, its = await in_turn(ours, theirs, rounds=options.rounds(15, 5), warmup=2)
    await over.delete(sandbox_id)
    return Row(
        name=f"sandbox {name}, 100,000 printed lines over HTTP, against a pipe",
        ours=mine.median, reference=its.median, compare="ratio", goal=3.0,
    )  # fmt: skip


async def _gigabyte(name: str, over: Over, pid: int, options: Options) -> Row:
    sandbox_id = await over.create()
    await over.cell(sandbox_id, "for _ in range(30): print('x' * 1_000_000)")
    before = resident(pid)
    most = before

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, resident(pid))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    ran = await over.cell(sandbox_id, "for _ in range(1000): print('x' * 999_999)")
    watching.cancel()
    assert ran["stdout_bytes"] == 1_000_000_000
    await over.delete(sandbox_id)
    return Row(name=f"sandbox {name}, 1 GB printed: the server grows by", ours=most - before, unit="MB", goal=16)


async def _fork(options: Options) -> Row:
    """A process of one's own that has run something, in our process as in theirs."""
    from sandbox.manager import Manager

    python = os.environ.get("LRA_BENCH_JUPYTER") or sys.executable
    rounds = options.rounds(60, 15)
    forks = _numbers(python, PLAIN_FORK, "x = 1 + 1", str(rounds))
    manager = Manager("local", pool=2)
    taken = []
    try:
        await manager.open()
        for _ in range(rounds):
            while (await manager.health())["warm"] < 2:
                await asyncio.sleep(0.05)
            # What filled it has ended, and its processes have been buried.
            await asyncio.sleep(0.1)
            started = time.perf_counter()
            made = await manager.create()
            async for event in manager.execute(made["id"], "x = 1 + 1"):
                assert event.get("status", "ok") == "ok"
            taken.append((time.perf_counter() - started) * 1000)
            await manager.delete(made["id"])
    finally:
        await manager.close()
    return Row(
        name="sandbox local, claimed and a cell run in process, against a plain fork with pandas",
        ours=quantile(taken, 0.5),
        reference=quantile(forks, 0.5) if forks else None,
        compare="ratio",
        goal=3.0,
        note="" if forks else "no pandas here",
        why="the reference is one fork; ours thaws a guest, notes whose it is, and has it run a cell",
    )


async def _memory(over: Over, options: Options) -> Row:
    """What one more kernel takes that is shared with nobody."""
    sandbox_id = await over.create()
    await over.cell(sandbox_id, "1 + 1")
    inside = await over.cell(sandbox_id, "import os; os.getpid(), os.readlink('/proc/self/ns/pid')")
    number, room = inside["result"]["text/plain"].strip("()").replace("'", "").split(", ")
    kernel = next(pid for pid in _processes() if _is(pid, room, number))
    ours = private(kernel)
    await over.delete(sandbox_id)
    reference = await notebook(3)
    return Row(
        name="sandbox local, memory of one more kernel, against ipykernel",
        ours=ours, reference=reference["memory"] if reference else None, unit="MB", compare="ratio", goal=0.15,
        why="pages that a forked kernel writes to, by counts of references above all, become its own",
        note="" if reference else "set LRA_BENCH_JUPYTER to a Python with ipykernel",
    )  # fmt: skip


def _processes() -> list[int]:
    return [int(each) for each in os.listdir("/proc") if each.isdigit()]


def _is(pid: int, room: str, number: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return os.readlink(f"/proc/{pid}/ns/pid") == room and f"NSpid:\t{pid}\t{number}\n" in status
    except OSError:
        return False


async def _proxy(options: Options) -> Row:
    """Requests that code in a sandbox makes to an allowed host, against the same ones without sandbox and proxy."""
    from sandbox import egress
    from sandbox.hosts import ranges
    from sandbox.manager import Manager
    from sandbox.providers.local import LocalProvider

    async def lookup(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    label = "sandbox local, an allowed request through the proxy, against a direct one"
    server, port = await web()
    real, egress._lookup = egress._lookup, lookup
    manager = Manager(LocalProvider(private=ranges("127.0.0.0/8")))
    try:
        made = await manager.create(network="limited", allowed_hosts=[f"allowed.example:{port}"])
        count = str(options.rounds(300, 60))
        said = ""
        code = REQUESTS.replace("URL", repr(f"http://allowed.example:{port}/")).replace("COUNT", count)
        async for event in manager.execute(made["id"], code):
            said += str(event.get("text", ""))
        ours = [float(each) for each in said.split()]
        direct = await asyncio.to_thread(
            _numbers, sys.executable, REQUESTS.replace("URL", repr(f"http://127.0.0.1:{port}/")).replace("COUNT", count)
        )
        assert direct
        return Row(
            name=label, ours=quantile(ours, 0.5), reference=quantile(direct, 0.5), compare="ratio", goal=2.0,
            why="here the direct way is the loopback of one machine, where the two programs between, the relay inside"
            " and the proxy outside, are most of what a request takes",
        )  # fmt: skip
    finally:
        egress._lookup = real
        await manager.close()
        server.kill()
        await server.wait()


def _numbers(python: str, code: str, *arguments: str) -> list[float] | None:
    done = subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True, check=False)
    return [float(each) for each in done.stdout.split()] if done.returncode == 0 else None
