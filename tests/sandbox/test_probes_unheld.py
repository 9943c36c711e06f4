"""Probes that nobody runs on a machine as it is get through in a container that holds nothing back."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest

from sandbox.probes import PROBES, Probe
from sandbox.providers.base import Spec
from sandbox.providers.docker import DockerProvider
from sandbox.providers.docker.image import KERNEL

# Each with why nothing holds it open even there.
CLOSED_EVERYWHERE = {
    "ptrace": "PTRACE_ATTACH to the first process, which is the probe itself",
    "kexec": "the system call of another machine's number is refused before it is looked at",
    "reboot": "asks for nothing: only a filter answers otherwise",
    "x32 system calls": "this kernel knows no such calls",
    "killing the first process": "what it does shows afterwards, when the sandbox has to work",
    "descriptors": "a container's own descriptors are pipes",
    "control socket": "there is none without a guest; its own test knocks at it",
    "names": "no resolver answers here",
    "renaming the workspace": "a mount point cannot be renamed anywhere",
    "core dumps": "the engine's own limits forbid them",
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
    command = [
        *(docker, "run", "--rm", "--tty", "--network=bridge", "--user=0:0", "--workdir=/workspace"),
        *("--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined"),
        *("--env=API_KEY=x", "--volume=/var/run/docker.sock:/var/run/docker.sock"),
        *("--entrypoint=/opt/kernel/bin/python", image, "-I", "-c", probe.code),
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=50)
    assert "ESCAPED" in done.stdout, done.stdout + done.stderr


def test_every_probe_is_shown_to_get_through_or_it_is_said_why_not() -> None:
    assert {each.name for each in PROBES} >= CLOSED_EVERYWHERE.keys()
    assert len([each for each in PROBES if each.plain]) + len(OPEN) + len(CLOSED_EVERYWHERE) == len(PROBES)
