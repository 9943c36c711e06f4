"""Conformance: the first process of a sandbox outlives what is done to it from inside and what happens to its owner."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.errors import LimitError
from sandbox.link import Link
from sandbox.manager import Manager
from sandbox.providers.base import Provider, Spec
from tests.sandbox.running import Running

SLOW_OWNER = """
import asyncio, sys, time
from sandbox.errors import GoneError
from sandbox.link import Link
from sandbox.providers.base import Spec
from sandbox.providers.registry import load
async def main():
    spec = Spec(lease_seconds=1)
    box = await load(sys.argv[1]).start(spec)
    link = await Link.open(box, spec)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    answer, _ = await link.ask("ping")
    print(answer["event"], flush=True)
    await link.close()
    await box.kill()
asyncio.run(main())
"""


async def test_an_owner_that_is_stopped_for_a_while_loses_nothing(provider: Provider) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SLOW_OWNER,
        provider.name,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=os.environ.copy(),
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"ready\n"
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(3)
    process.send_signal(signal.SIGCONT)
    process.stdin.write(b"\n")
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"done\n"
    assert await process.wait() == 0


@pytest.mark.parametrize("number", ["TERM", "INT", "HUP", "CHLD", "KILL"])
async def test_signals_from_inside_do_not_end_it(box: Running, number: str) -> None:
    await box.shell(f"kill -{number} 1; kill -{number} -1; true")
    assert (await box.ok("6 * 7")).result == "42"


@pytest.fixture
def odd_parent() -> Iterator[None]:
    """This process, and with it what it starts, ignores a signal of the C library's own and one more."""
    libc, before = ctypes.CDLL(None), {}
    call = {"x86_64": 13, "aarch64": 134}[os.uname().machine]
    for number in (32, 35):
        before[number] = (ctypes.c_uint64 * 4)()
        ignore = (ctypes.c_uint64 * 4)(1)
        assert libc.syscall(call, number, ctypes.byref(ignore), ctypes.byref(before[number]), 8) == 0
    signal.pthread_sigmask(signal.SIG_BLOCK, {40})
    yield
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {40})
    for number, action in before.items():
        libc.syscall(call, number, ctypes.byref(action), None, 8)


@pytest.mark.usefixtures("odd_parent")
async def test_programs_are_started_with_signals_as_usual(box: Running) -> None:
    ignored = "awk '/SigIgn|SigBlk/ {print $2}' /proc/self/status"
    # Python's own children find broken pipes as usual too.
    assert set((await box.shell(ignored)).out.split()) == {"0000000000000000"}


async def test_a_command_with_input_is_possible_when_no_thread_is(manager: Manager) -> None:
    box = await Running.create(manager, limits={"pids": 24})
    full = (
        "import os, time\nwhile True:\n    try:\n        if os.fork() == 0:\n            time.sleep(60); os._exit(0)\n"
        "    except OSError:\n        break\n"
    )
    await box.ok(full)
    for _ in range(3):
        with contextlib.suppress(LimitError):
            assert (await box.shell("read line; echo $line", stdin="hello\n")).done["event"] == "done"
    await box.client.restart(box.id)
    assert (await box.ok("6 * 7")).result == "42"
    assert (await box.shell("read line; echo $line", stdin="hello\n")).out == "hello\n"


async def test_a_killed_zygote_is_replaced_while_a_cell_is_ended(box: Running) -> None:
    code = "import os, signal\nsignal.signal(2, signal.SIG_IGN)\nos.kill(-1, 9)\nwhile True: pass"
    for _ in range(3):
        ran = await box.run(code, timeout=0.3)
        assert ran.done["rung"] == "restart"
        assert (await box.ok("6 * 7")).result == "42"


async def test_nobody_inside_is_heard_at_the_control_socket(provider: Provider) -> None:
    spec = Spec()
    box = await provider.start(spec)
    link = await Link.open(box, spec)
    try:
        # Without a socket inside, as with the local provider, there is nothing to knock at.
        knock = (
            "import os, socket, time\nfound = []\npath = '/run/sandbox/guest.sock'\n"
            "for _ in range(50 if os.path.exists(path) else 0):\n    s = socket.socket(socket.AF_UNIX)\n"
            "    s.connect(path)\n    s.settimeout(5)\n    found.append(s)\n"
            "print({s.recv(10) for s in found[:5]} or {b''})\ntime.sleep(1)\n"
        )
        said = b""
        async for message, _ in link.call("execute", code=knock, stdin="", timeout=20):
            said += str(message.get("text", "")).encode()
        assert said == b"{b''}\n"
        # The owner comes through meanwhile.
        second = await Link.open(box, spec)
        await second.close()
    finally:
        await link.close()
        await box.kill()


async def test_paused_everything_stands_still_and_then_goes_on(box: Running) -> None:
    link = box.client._find(box.id)._link  # type: ignore[attr-defined]
    await box.ok("import subprocess\nkept = 1")
    await box.shell("(while true; do date +%N > tick; sleep 0.05; done) >/dev/null 2>&1 & true")
    await box.ok("import time\ntime.sleep(0.3)\nopen('tick').read()")
    await link.ask("pause")
    before = await box.read("tick")
    await asyncio.sleep(0.5)
    assert await box.read("tick") == before
    await link.ask("resume")
    for _ in range(100):
        if await box.read("tick") not in {b"", before}:
            break
        await asyncio.sleep(0.05)
    assert await box.read("tick") != before
    assert (await box.ok("kept")).result == "1"
