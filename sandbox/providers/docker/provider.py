"""Sandboxes as containers of a Docker engine, hardened, with the guest as their first process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Awaitable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.egress import EgressProxy
from sandbox.errors import InvalidError, SandboxError, UnavailableError
from sandbox.hosts import AddressRange
from sandbox.paths import runtime_folder
from sandbox.providers.base import Spec, State
from sandbox.providers.docker.attached import attach
from sandbox.providers.docker.box import DockerBox
from sandbox.providers.docker.container import FOLDER, SANDBOX, check_workspace, create
from sandbox.providers.docker.engine import connect, finish, remove, short, whole
from sandbox.providers.docker.image import ImageSettings, Progress, ensure_kernel, prune
from sandbox.providers.docker.packages import cached, ensure_packages
from sandbox.providers.owner import owner_lives, sign
from sandbox.providers.way_out import SOCKET, private_ranges, proxy_for

if TYPE_CHECKING:
    from docker import DockerClient

_log = logging.getLogger("sandbox.docker")

_LONGEST_SOCKET = 107
_WITHOUT_SOCKETS = ("runsc",)
"""Beginnings of the names of runtimes whose kernels keep sockets to themselves: frames go over attached streams."""


class DockerProvider:
    """Starts guests in containers.

    Args:
        url: The engine; None is what `DOCKER_HOST` says, or the local one.
        runtime: Runtime of the containers, such as gVisor's `runsc`; None is the engine's default.
        images: Where images come from.
        private: Address ranges that allowed hosts may have although they are not public; None is what
            `SANDBOX_PRIVATE_HOSTS` says, ranges with commas between.
        progress: Told what is done while an image is built.
    """

    name = "docker"

    def __init__(
        self,
        *,
        url: str | None = None,
        runtime: str | None = None,
        images: ImageSettings | None = None,
        private: Collection[AddressRange] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._url = url
        self._runtime = runtime or os.environ.get("SANDBOX_RUNTIME") or None
        self._images = images or ImageSettings.from_env()
        self._private = private_ranges(private)
        self.progress = progress or _log.info
        self._sockets = not (self._runtime or "").startswith(_WITHOUT_SOCKETS)
        """Whether what is inside can listen on a socket in a folder of this machine."""
        self._client: DockerClient | None = None
        self._near = False
        self._unended: dict[str, DockerBox] = {}
        """Containers that could not be ended while the engine was away."""

    async def check(self) -> str | None:
        """Return why no container can be started here, or None."""
        try:
            await whole(self._engine)
        except UnavailableError as error:
            return error.message
        return None

    async def start(self, spec: Spec) -> DockerBox:
        """Start a container.

        Raises:
            UnavailableError: There is no engine, or no image.
            InvalidError: The spec asks for what a container cannot give.
        """
        check_workspace(spec.workspace)
        client = await whole(self._engine)
        await self._end_left()
        if spec.network == "limited" and not self._near:
            raise InvalidError(
                "Limited network needs a Docker engine on this machine"
                + ("; this one is elsewhere." if self._sockets else f", and not the runtime {self._runtime}.")
            )
        proxy = proxy_for(spec, self._private)
        image = await whole(self._image, client, spec)
        folder = await whole(_make_folder, spec.sandbox_id) if self._near else None
        box = DockerBox(client, spec.sandbox_id, folder, proxy)
        try:
            if proxy is not None:
                await proxy.start(os.path.join(box.folder, SOCKET))
            await whole(create, client, image, spec, folder, self._runtime)
            if folder is None:
                box.attached = await attach(client, box.container)
            await whole(client.api.start, box.container)
            if folder is not None:
                await box.ready()
        except BaseException as error:
            said = "" if isinstance(error, asyncio.CancelledError) else await _quietly(box.logs())
            try:
                await finish(box.kill())
            except UnavailableError:
                self._unended[spec.sandbox_id] = box
            readable = _readable(error, said)
            if readable is error:
                raise
            raise readable from error
        return box

    async def _end_left(self) -> None:
        for sandbox_id, box in list(self._unended.items()):
            with contextlib.suppress(UnavailableError):
                await box.kill()
                self._unended.pop(sandbox_id, None)

    async def find(self, state: State) -> DockerBox | None:
        """Return a container of another process."""
        client = await whole(self._engine)
        folder = state.get("folder")
        allowed = tuple(state.get("allowed") or ())
        box = DockerBox(client, str(state["id"]), folder if isinstance(folder, str) else None, None, allowed=allowed)
        return box if await box.alive() else None

    async def adopt(self, state: State) -> DockerBox | None:
        """Take over a container that another process started."""
        client = await whole(self._engine)
        folder = state.get("folder")
        if not isinstance(folder, str) or not await whole(os.path.isdir, folder):
            return None  # frames over attached streams cannot be picked up in their middle
        box = DockerBox(client, str(state["id"]), folder, None, allowed=tuple(state.get("allowed") or ()))
        if not await box.alive():
            await box.kill()
            return None
        await whole(sign, folder)
        if state.get("allowed") is not None:
            box.proxy = EgressProxy(box.allowed, name=box.sandbox_id, private=self._private)
            await box.proxy.start(os.path.join(folder, SOCKET))
        return box

    async def reap(self, known_ids: Collection[str]) -> list[str]:
        """End the containers of owners of this machine that are dead, and return their sandbox ids."""
        client = await whole(self._engine)
        return await whole(_reap, client, frozenset(known_ids))

    async def build(self, packages: Mapping[str, tuple[str, ...]]) -> str:
        """Build the image of kernels, with further packages, unless it is there; return its tag."""
        client = await whole(self._engine)
        return await whole(self._image, client, Spec(packages=packages))

    async def cached(self) -> list[dict[str, Any]]:
        """Return the images with packages that there are: image, packages, size and when each was created."""
        return await whole(cached, await whole(self._engine))

    async def prune(self) -> list[str]:
        """Remove images with packages and earlier builds, which are built again when they are needed."""
        return await whole(prune, await whole(self._engine))

    def _engine(self) -> DockerClient:
        if self._client is None:
            self._client, near = connect(self._url, self._runtime)
            self._near = near and self._sockets
        return self._client

    def _image(self, client: DockerClient, spec: Spec) -> str:
        from docker.errors import DockerException, ImageNotFound

        if spec.image is None:
            image = ensure_kernel(client, self._images, self.progress)
        else:
            image = spec.image
            try:
                client.images.get(image)
            except ImageNotFound:
                raise InvalidError(f"There is no image {image[:200]!a} on this machine.") from None
            except DockerException as error:
                raise InvalidError(f"The image {image[:200]!a} cannot be used: {error}") from None
        return ensure_packages(client, image, spec.packages, self._images, self.progress)


def _make_folder(sandbox_id: str) -> str:
    """Make the folder of a sandbox's sockets, in one that nobody else on this machine can enter."""
    folder = str(runtime_folder("docker") / sandbox_id)
    if len(os.fsencode(f"{folder}/{SOCKET}")) > _LONGEST_SOCKET:
        raise UnavailableError(f"{folder} is too long a path for a socket: set LRA_SANDBOX_RUN to a shorter one.")
    os.mkdir(folder)
    # Until the guest listens, its user, whom this machine does not know, has to be able to write here.
    os.chmod(folder, 0o777)
    sign(folder)
    return folder


def _reap(client: DockerClient, known: frozenset[str]) -> list[str]:
    from docker.errors import DockerException

    ended = []
    # Folders first: one that is made after this look is not taken for a dead one's.
    folders = [each for each in runtime_folder("docker").iterdir() if owner_lives(str(each)) is False]
    for found in client.api.containers(all=True, filters={"label": SANDBOX}):
        sandbox_id, folder = found["Labels"][SANDBOX], found["Labels"].get(FOLDER)
        # Without a folder of ours it is another machine's, and its guest ends with the lease.
        if sandbox_id in known or folder is None or owner_lives(folder) is not False:
            continue
        with contextlib.suppress(DockerException):
            remove(client, found["Id"])
            ended.append(sandbox_id)
        shutil.rmtree(folder, ignore_errors=True)
    for left in folders:
        if left.name not in known:
            shutil.rmtree(left, ignore_errors=True)
    return ended


def _readable(error: BaseException, said: str) -> BaseException:
    """Return an error that a person understands, whatever the engine called it."""
    from docker.errors import DockerException

    if isinstance(error, DockerException):
        return UnavailableError(f"The Docker engine could not start the container: {short(error)}")
    if isinstance(error, SandboxError) and said:
        return type(error)(f"{error.message} It said: {said[-500:].strip()}")
    return error


async def _quietly(wanted: Awaitable[str]) -> str:
    try:
        return str(await wanted)
    except Exception:  # why there is no log would only cover what went wrong
        return ""
