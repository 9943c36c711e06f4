"""Containers of a real Docker engine: what is taken from them, what comes back, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import GoneError, InvalidError, UnavailableError
from sandbox.hosts import ranges
from sandbox.link import Link
from sandbox.providers.base import Box, Limits, Spec
from sandbox.providers.docker import DockerProvider
from sandbox.providers.docker.container import SANDBOX, container_name
from sandbox.providers.docker.image import KERNEL

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("engine")]

SMALL = Limits(memory_mb=256, pids=64, disk_mb=64, files=1000)


@pytest.fixture(scope="module")
def engine() -> Any:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except DockerException:
        pytest.skip("no Docker engine answers; `.ci/engine` starts one")
    return client


@pytest.fixture
def provider() -> DockerProvider:
    return DockerProvider(private=ranges("127.0.0.0/8"))


@asynccontextmanager
async def started(provider: DockerProvider, spec: Spec) -> AsyncIterator[tuple[Box, Link]]:
    box = await provider.start(spec)
    try:
        link = await Link.open(box, spec)
        try:
            yield box, link
        finally:
            await link.close()
    finally:
        await box.kill()


async def run(link: Link, op: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Make a call, and return what it printed and how it ended."""
    printed, end = "", {}
    async for message, _ in link.call(op, timeout=60, **fields):
        printed += message.get("text", "") if message["event"] in {"stdout", "stderr"} else ""
        end = message
    return printed, end


async def cell(link: Link, code: str) -> str:
    printed, _ = await run(link, "execute", code=code)
    return printed


async def shell(link: Link, command: str) -> str:
    printed, _ = await run(link, "command", command=command)
    return printed


def ours(client: Any, sandbox_id: str | None = None) -> list[str]:
    label = f"{SANDBOX}={sandbox_id}" if sandbox_id else SANDBOX
    return [each["Names"][0][1:] for each in client.api.containers(all=True, filters={"label": label})]


async def test_what_is_taken_from_a_container(provider: DockerProvider) -> None:
    async with started(provider, Spec(limits=SMALL)) as (_, link):
        status = dict(
            line.split(":\t", 1) for line in (await shell(link, "cat /proc/self/status")).splitlines() if ":\t" in line
        )
        assert {status[name] for name in status if name.startswith("Cap")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"
        assert int(status["Uid"].split()[0]) >= 20_000
        assert "Read-only file system" in await shell(link, "touch /usr/x")
        assert "Permission denied" in await shell(link, "touch /run/sandbox/x")
        assert "Permission denied" in await shell(link, "rm -f /run/sandbox/guest.sock")
        assert "Permission denied" in await shell(link, "cat /proc/1/environ")
        assert "No space left" in await shell(link, "head -c 100M /dev/zero > /workspace/big; rm -f /workspace/big")
        assert "No space left" in await shell(link, "for i in $(seq 2000); do : > /workspace/$i || break; done")
        assert await shell(link, "find / -xdev -type f -perm /6000 2>/dev/null; ls /var/run | grep docker") == ""
        assert (await cell(link, "import os; print(sorted(os.listdir('/sys/class/net')))")).strip() == "['lo']"


# What a probe is refused with, by name: hardened it must be EPERM (or ENOSYS where that is the answer).
_CALLS = """
import ctypes, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)
calls = {
    "io_uring_setup": (425, 1, 0), "userfaultfd": (323, 0), "keyctl": (250, 0, 0, 0), "add_key": (248, 0, 0, 0, 0, 0),
    "bpf": (321, 0, 0, 0), "ptrace": (101, 0, 0, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0), "umount2": (166, 0, 0), "pivot_root": (155, 0, 0), "chroot": (161, 0),
    "unshare": (272, 0x10000001), "setns": (308, -1, 0), "perf_event_open": (298, 0, 0, -1, -1, 0),
    "kexec_load": (246, 0, 0, 0, 0), "init_module": (175, 0, 0, 0), "finit_module": (313, -1, 0, 0),
    "delete_module": (176, 0, 0), "open_by_handle_at": (304, -1, 0, 0), "name_to_handle_at": (303, -1, 0, 0, 0, 0),
    "move_mount": (429, -1, 0, -1, 0, 0), "fsopen": (430, 0, 0), "open_tree": (428, -1, 0, 0),
    "pidfd_getfd": (438, -1, 0, 0), "kcmp": (312, 1, 1, 99, 0, 0), "vmsplice": (278, -1, 0, 0, 0),
    "fanotify_init": (300, 0xFFFF, 0), "quotactl": (179, 0, 0, 0, 0), "swapon": (167, 0, 0), "syslog": (103, 99, 0, 0),
    "personality": (135, 0x0040000), "clone3": (435, 0, 0), "clone_newuser": (56, 0x10000000 | 0x10000, 0, 0, 0, 0),
}
found = {}
for name, (number, *args) in calls.items():
    ctypes.set_errno(0)
    result = libc.syscall(number, *[ctypes.c_long(each) for each in args])
    found[name] = ctypes.get_errno() if result == -1 else 0
for name, family, kind, protocol in [("vsock", 40, 1, 0), ("alg", 38, 5, 0), ("packet", 17, 3, 0), ("raw", 2, 3, 1),
                                     ("xdp", 44, 3, 0), ("netlink_audit", 16, 3, 9)]:
    try:
        socket.socket(family, kind, protocol).close()
        found[name] = 0
    except OSError as error:
        found[name] = error.errno
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the numbers of calls are Linux's: other hardware")
async def test_dangerous_system_calls_are_refused_and_would_not_be_without_the_filter(
    provider: DockerProvider, engine: Any
) -> None:
    async with started(provider, Spec(limits=SMALL)) as (_, link):
        hardened = json.loads(await cell(link, _CALLS))
    loose = json.loads(
        await asyncio.to_thread(
            engine.containers.run,
            KERNEL,
            ["-c", _CALLS],
            entrypoint="/opt/kernel/bin/python",
            user="0",
            cap_add=[
                "SYS_ADMIN",
                "SYS_BOOT",
                "SYS_CHROOT",
                "SYS_MODULE",
                "SYS_PTRACE",
                "SYSLOG",
                "DAC_READ_SEARCH",
                "NET_ADMIN",
                "NET_RAW",
            ],
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            remove=True,
            network_mode="none",
        )
    )
    assert hardened.pop("clone3") == 38
    assert loose.pop("clone3") != 38
    assert {name: number for name, number in hardened.items() if number != 1} == {}
    # vsock and xdp may be missing from the kernel; all others get past the filter's EPERM.
    assert {name for name, number in loose.items() if number == 1} == set()


async def test_bombs_end_the_kernel_at_most(provider: DockerProvider) -> None:
    async with started(provider, Spec(limits=replace(SMALL, memory_mb=128))) as (box, link):
        await cell(
            link,
            "import os, time\nn = 0\ntry:\n    while True:\n        if os.fork() == 0:\n            time.sleep(60)\n"
            "            os._exit(0)\n        n += 1\nexcept OSError as error:\n    number = error.errno",
        )
        count, number = map(int, (await cell(link, "print(n, number)")).split())
        assert count < 64
        assert number == 11
        _, end = await run(link, "execute", code="hog = []\nwhile True:\n    hog.append(bytearray(8_000_000))")
        assert end["status"] != "ok"
        assert await cell(link, "print(6 * 7)") == "42\n"
        assert await box.alive()


async def test_nothing_of_this_machine_or_the_network_is_reached(provider: DockerProvider) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", 0)
    port = server.sockets[0].getsockname()[1]
    code = (
        "import socket\n"
        "for place in [('127.0.0.1', {port}), ('172.17.0.1', {port}), ('169.254.169.254', 80), ('1.1.1.1', 443)]:\n"
        "    try:\n        socket.create_connection(place, 2).close()\n        print('reached', place)\n"
        "    except OSError as error:\n        print('no')\n"
        "try:\n    socket.getaddrinfo('example.com', 80)\n    print('resolved')\nexcept OSError:\n    print('no')"
    ).replace("{port}", str(port))
    async with started(provider, Spec(limits=SMALL)) as (_, link):
        assert await cell(link, code) == "no\n" * 5
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""  # the service that was not reached is there
    writer.close()
    server.close()


async def test_limited_network_reaches_the_allowed_host_alone(
    provider: DockerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = head.split(b"\r\n")[0]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async def lookup(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr("sandbox.egress._lookup", lookup)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    spec = Spec(limits=SMALL, network="limited", allowed_hosts=(f"allowed.example:{port}",))
    code = f"import requests\nprint(requests.get('http://HOST:{port}/x', timeout=10).text)"
    async with started(provider, spec) as (box, link):
        assert await cell(link, code.replace("HOST", "allowed.example")) == "GET /x HTTP/1.1\n"
        assert "not an allowed host" in await cell(link, code.replace("HOST", "other.example"))
        _, end = await run(link, "execute", code="import socket; socket.getaddrinfo('allowed.example', 80)")
        assert end["name"] == "gaierror"
        # The way out is there again for who takes the sandbox over.
        await link.close()
        assert box.proxy is not None  # type: ignore[attr-defined]
        await box.proxy.close()  # type: ignore[attr-defined]
        taken = await provider.adopt(json.loads(json.dumps(box.state)))
        assert taken is not None
        again = await Link.open(taken, spec)
        assert await cell(again, code.replace("HOST", "allowed.example")) == "GET /x HTTP/1.1\n"
        await again.close()
        await taken.kill()
    server.close()


async def test_a_live_kernel_is_taken_over_with_its_variables(provider: DockerProvider) -> None:
    spec = Spec(limits=SMALL)
    async with started(provider, spec) as (box, link):
        await cell(link, "kept = [1, 2, 3]")
        await link.close()
        taken = await DockerProvider().adopt(json.loads(json.dumps(box.state)))
        assert taken is not None
        again = await Link.open(taken, spec)
        assert await cell(again, "print(kept)") == "[1, 2, 3]\n"
        await again.close()
        await box.kill()
        assert await DockerProvider().adopt(box.state) is None


async def test_containers_of_the_dead_are_ended_and_those_of_the_living_stay(
    provider: DockerProvider, engine: Any, run_folder: Path
) -> None:
    dead, known, living = [await provider.start(Spec(limits=SMALL)) for _ in range(3)]
    gone = await asyncio.to_thread(lambda: subprocess.run(["sh", "-c", "echo $$"], capture_output=True, check=True))
    for box in (dead, known):
        (run_folder / "docker" / box.sandbox_id / "owner").write_text(f"{int(gone.stdout)} 1\n")
    try:
        assert await provider.reap([known.sandbox_id]) == [dead.sandbox_id]
        assert ours(engine, dead.sandbox_id) == []
        assert ours(engine, known.sandbox_id) == [container_name(known.sandbox_id)]
        assert ours(engine, living.sandbox_id) == [container_name(living.sandbox_id)]
        assert await provider.reap([]) == [known.sandbox_id]
        assert ours(engine, living.sandbox_id) == [container_name(living.sandbox_id)]
    finally:
        for box in (dead, known, living):
            await box.kill()
    assert list((run_folder / "docker").iterdir()) == []


async def test_a_guest_whose_owner_is_gone_ends_and_its_container_with_it(
    provider: DockerProvider, engine: Any
) -> None:
    spec = Spec(limits=SMALL, lease_seconds=1.0)
    box = await provider.start(spec)
    for _ in range(100):
        if not ours(engine, spec.sandbox_id):
            break
        await asyncio.sleep(0.1)
    assert ours(engine, spec.sandbox_id) == []
    assert not await box.alive()
    with pytest.raises(GoneError):
        await box.connect()
    await box.kill()


async def test_nothing_is_left(provider: DockerProvider, engine: Any, run_folder: Path) -> None:
    spec = Spec(limits=SMALL)
    async with started(provider, spec) as (box, _):
        assert ours(engine, spec.sandbox_id) == [container_name(spec.sandbox_id)]
    await box.kill()
    assert ours(engine, spec.sandbox_id) == []
    assert list((run_folder / "docker").iterdir()) == []
    starting = asyncio.create_task(provider.start(spec := Spec(limits=SMALL)))
    while not ours(engine, spec.sandbox_id):
        await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert ours(engine, spec.sandbox_id) == []
    assert list((run_folder / "docker").iterdir()) == []


async def test_a_frozen_container_goes_on_where_it_was(provider: DockerProvider, engine: Any) -> None:
    async with started(provider, spec := Spec(limits=SMALL)) as (box, link):
        await cell(link, "x = 1")
        await box.pause()
        await box.pause()
        assert engine.containers.get(container_name(spec.sandbox_id)).status == "paused"
        assert await box.alive()
        await box.resume()
        await box.resume()
        assert await cell(link, "print(x)") == "1\n"
        await box.pause()  # also frozen it can be removed


async def test_frames_over_attached_streams(provider: DockerProvider) -> None:
    assert await provider.check() is None
    provider._near = False  # what an engine on another machine is to the provider
    async with started(provider, Spec(limits=SMALL)) as (box, link):
        assert await cell(link, "print('x' * 300_000)") == "x" * 300_000 + "\n"
        assert (
            await cell(link, "import os; os.write(1, b'\\x00\\x00\\x00\\x02{}'); print(1)") == "\x00\x00\x00\x02{}1\n"
        )
        assert await provider.adopt(box.state) is None
        with pytest.raises(GoneError):
            await box.connect()
    with pytest.raises(InvalidError, match="on this machine"):
        await provider.start(Spec(network="limited", allowed_hosts=("example.com",)))


async def test_packages_are_built_once_into_an_image(
    engine: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    provider = DockerProvider(progress=said.append)
    name = f"lraprobe{uuid.uuid4().hex[:8]}"
    provider._images = replace(provider._images, wheels=str(_wheel(tmp_path, name).parent), index=None)
    spec = Spec(limits=SMALL, packages={"pip": (f"{name}==1.0",)})
    image = None
    try:
        # The kernel's own image comes from other settings, so it is made before these.
        await DockerProvider().start(before := Spec(limits=SMALL))
        monkeypatch.setattr("sandbox.providers.docker.provider.ensure_kernel", lambda *_: KERNEL)
        async with started(provider, spec) as (_, link):
            assert await cell(link, f"import {name}; print({name}.ANSWER)") == "42\n"
        image = engine.images.list(filters={"label": "lra.sandbox.image"})
        built = len(said)
        assert built
        async with started(provider, replace(spec, sandbox_id="sb_" + uuid.uuid4().hex[:16])):
            assert len(said) == built
        with pytest.raises(InvalidError, match="lra-no-such-package"):
            await provider.start(Spec(packages={"pip": ("lra-no-such-package",)}))
    finally:
        engine.api.remove_container(container_name(before.sandbox_id), force=True)
        for each in image or ():
            for tag in each.tags:
                if ":packages-" in tag:
                    engine.images.remove(tag, force=True)


def _wheel(folder: Path, name: str) -> Path:
    import zipfile

    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "ANSWER = 42\n")
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path


@pytest.mark.parametrize(
    "spec",
    [
        Spec(packages={"pip": ("--index-url=http://evil.test",)}),
        Spec(packages={"pip": ("x; echo",)}),
        Spec(packages={"pip": ("x @ http://evil.test/x.whl",)}),
        Spec(packages={"pip": ("x\n-e .",)}),
        Spec(packages={"pip": ("../x",)}),
        Spec(packages={"pip": ("$(x)",)}),
        Spec(packages={"gem": ("left-pad",)}),
        Spec(network="limited", allowed_hosts=("*",)),
        Spec(image="no-such-image:at-all"),
        Spec(workspace="/etc"),
        Spec(workspace="/usr/lib/x"),
        Spec(workspace="/"),
        Spec(workspace="/x/../etc"),
        Spec(workspace="/x:/etc"),
        Spec(workspace="x"),
    ],
    ids=lambda spec: str(spec.packages or spec.allowed_hosts or spec.image or spec.workspace),
)
async def test_what_cannot_be_given_is_refused(provider: DockerProvider, engine: Any, spec: Spec) -> None:
    with pytest.raises(InvalidError):
        await provider.start(spec)
    assert ours(engine, spec.sandbox_id) == []


async def test_the_image_is_built_again_when_it_is_gone(provider: DockerProvider, engine: Any) -> None:
    async with started(provider, Spec(limits=SMALL)):
        pass
    before = engine.images.get(KERNEL).id
    engine.images.remove(KERNEL, force=True)
    said: list[str] = []
    async with started(DockerProvider(progress=said.append), Spec(limits=SMALL)) as (_, link):
        assert await cell(link, "import requests, httpx; print('there')") == "there\n"
    assert any(KERNEL in line for line in said)
    assert before


async def test_no_engine_is_said_with_what_to_do() -> None:
    provider = DockerProvider(url="unix:///nowhere/docker.sock")
    reason = await provider.check()
    assert reason is not None
    assert "DOCKER_HOST" in reason
    with pytest.raises(UnavailableError):
        await provider.start(Spec())


async def test_a_runtime_that_passes_no_sockets_on_has_frames_over_attached_streams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sandbox.providers.docker.provider._WITHOUT_SOCKETS", ("runc",))
    provider = DockerProvider(runtime="runc")
    if reason := await provider.check():
        pytest.skip(reason)
    async with started(provider, Spec(limits=SMALL)) as (box, link):
        assert box.state["folder"] is None
        assert await cell(link, "print(6 * 7)") == "42\n"
    with pytest.raises(InvalidError, match="not the runtime runc"):
        await provider.start(Spec(network="limited", allowed_hosts=("example.com",)))
