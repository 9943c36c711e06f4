"""The Docker engine: finding it, and asking it things without keeping the event loop from its work."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sandbox.errors import UnavailableError

if TYPE_CHECKING:
    from docker import DockerClient

_P = ParamSpec("_P")
_T = TypeVar("_T")
_PROBE_SECONDS = 5.0


async def whole(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run a function in a thread; cancelled, wait for its end first, so that nothing comes after the clearing up.

    Raises:
        UnavailableError: The engine went away meanwhile.
    """
    from docker.errors import DockerException
    from requests import RequestException

    try:
        return await finish(asyncio.to_thread(function, *args, **kwargs))
    except RequestException as error:
        # What the engine answered is for whoever asked; that it did not answer is the same for everybody.
        if isinstance(error, DockerException):
            raise
        raise UnavailableError(f"The Docker engine does not answer ({short(error)}).") from error


async def finish(work: Coroutine[Any, Any, _T]) -> _T:
    """Wait for some work to its end, also when cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def connect(url: str | None, runtime: str | None = None) -> tuple[DockerClient, bool]:
    """Find the engine, and whether sockets in our folders can be seen by its containers.

    Args:
        url: The engine; None is what the environment says.
        runtime: A runtime that it must have.

    Raises:
        UnavailableError: There is none, or it lacks something.
    """
    import docker
    from docker.errors import DockerException

    try:
        _listen(url)
        client = docker.DockerClient(base_url=url, timeout=120) if url else docker.from_env(timeout=120)
        info: Mapping[str, Any] = client.info()
    except (DockerException, OSError) as error:
        raise UnavailableError(
            f"No Docker engine answers ({short(error)}). Start Docker, or name an engine with DOCKER_HOST."
        ) from None
    if info.get("OSType") != "linux":
        raise UnavailableError("The Docker engine runs Windows containers. Switch it to Linux containers.")
    if runtime and runtime not in (info.get("Runtimes") or {}):
        known = ", ".join(sorted(info.get("Runtimes") or {}))
        raise UnavailableError(
            f"The Docker engine has no runtime {runtime[:60]!a}, only {known}. Install it and name it in the engine's"
            " daemon.json, or leave out SANDBOX_RUNTIME."
        )
    lacking = [
        what
        for key, what in (("MemoryLimit", "memory"), ("CpuCfsQuota", "CPU"), ("PidsLimit", "process"))
        if not info.get(key)
    ]
    if lacking:
        raise UnavailableError(
            f"The Docker engine cannot enforce {' and '.join(lacking)} limits. Enable these control groups for it."
        )
    if not any(str(each).startswith("name=seccomp") for each in info.get("SecurityOptions") or ()):
        raise UnavailableError("The Docker engine has no seccomp. Use a kernel and an engine that have it.")
    machine = os.uname() if hasattr(os, "uname") else None
    near = (
        str(client.api.base_url).startswith("http+docker://")
        and machine is not None
        and (info.get("Name"), info.get("KernelVersion")) == (machine.nodename, machine.release)
    )
    return client, near


def _listen(url: str | None) -> None:
    """Find out whether anything listens on an engine's socket: the SDK leaves its own open where nothing does.

    Raises:
        OSError: Nothing does.
    """
    scheme, _, path = (url or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock").partition("://")
    if scheme not in {"unix", "http+unix"} or not hasattr(socket, "AF_UNIX"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        probe.connect(path)


def remove(client: DockerClient, container: str) -> None:
    """End a container and everything in it; nothing happens when it is gone. Blocks."""
    from docker.errors import APIError, NotFound

    try:
        client.api.remove_container(container, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # it is being removed already
            raise


def short(error: BaseException) -> str:
    """Return the innermost reason of an error of the SDK, in one line."""
    # What requests raises is an OSError too, and says nothing of its own.
    while error.__context__ is not None and not getattr(error, "strerror", None):
        error = error.__context__
    text = str(getattr(error, "strerror", None) or error)
    return text.splitlines()[0][:200] if text else type(error).__name__
