"""Probes that nobody runs on a machine as it is get through in a container that holds nothing back."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import dataclass

import pytest

from sandbox.probes import PROBES, Probe
from sandbox.providers.base import Spec
from sandbox.providers.docker import DockerProvider
from sandbox.providers.docker.image import KERNEL

# Each with why nothing holds it open even there.
CLOSED_EVERYWHERE = {
    "kexec": "this kernel refuses it to everybody in a container",
    "x32 system calls": "this kernel knows no such calls",
    "killing the first process": "what it does shows afterwards, when the sandbox has to work",
}


@dataclass(frozen=True)
class Opening:
    """What a probe needs, beyond being held by nothing, to get through."""

    options: tuple[str, ...] = ()
    before: str = ""
    """Python that is run before it."""


# The tracer lets the first process go on, which waits for it.
_CHILD = "import os\nif os.fork():\n    os.wait(); os.kill(1, 18); os._exit(0)\n"
_SOCKET = """
import os, socket
knocked = socket.socket(socket.AF_UNIX)
knocked.bind('/tmp/guest.sock')
knocked.listen()
if os.fork() == 0:
    peer, _ = knocked.accept()
    peer.recv(99)
    peer.sendall(b'heard')
    os._exit(0)
"""
OPENINGS = {
    "ptrace": Opening(("--init", "--cap-add=SYS_PTRACE"), _CHILD),
    # Without its magic numbers it is refused as wrong, by whoever may ask for it.
    "reboot": Opening(("--cap-add=SYS_BOOT",)),
    "core dumps": Opening(("--ulimit=core=-1",)),
    "names": Opening(("--add-host=example.com:192.0.2.1",)),
    "descriptors": Opening(before="import os\nos.open('/etc/passwd', os.O_RDONLY)\n"),
    "renaming the workspace": Opening(before="import os\nos.rmdir('/workspace')\nos.mkdir('/workspace')\n"),
    "control socket": Opening(before=_SOCKET),
}
OPEN = [each for each in PROBES if not each.plain and each.name not in CLOSED_EVERYWHERE]


@pytest.fixture(scope="module")
def image() -> str:
    async def built() -> str:
        provider = DockerProvider()
        if (reason := await provider.check()) is not None:
            pytest.skip(reason)
        box = await provider.start(Spec())
        await box.kill()
        return KERNEL

    return asyncio.run(built())


@pytest.mark.parametrize("probe", OPEN, ids=lambda each: str(each.name))
async def test_without_what_holds_it_the_probe_gets_through(probe: Probe, image: str) -> None:
    docker = shutil.which("docker")
    assert docker is not None
    opening = OPENINGS.get(probe.name, Opening())
    command = [
        *(docker, "run", "--rm", "--tty", "--network=bridge", "--user=0:0", "--workdir=/workspace"),
        *("--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined"),
        *("--env=API_KEY=x", "--volume=/var/run/docker.sock:/var/run/docker.sock"),
        *(*opening.options, "--entrypoint=/opt/kernel/bin/python", image, "-I", "-c", opening.before + probe.code),
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=50)
    assert "ESCAPED" in done.stdout, done.stdout + done.stderr


def test_every_probe_is_shown_to_get_through_or_it_is_said_why_not() -> None:
    assert {each.name for each in PROBES} >= CLOSED_EVERYWHERE.keys() | OPENINGS.keys()
    assert len([each for each in PROBES if each.plain]) + len(OPEN) + len(CLOSED_EVERYWHERE) == len(PROBES)
