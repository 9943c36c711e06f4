"""The image of a kernel: built on first use, again when it is gone or no longer what this version needs."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from sandbox.errors import UnavailableError
from sandbox.providers.docker.build_log import BuildLog

if TYPE_CHECKING:
    from docker import DockerClient

KERNEL = "longrunningagents-kernel:latest"
"""The image that sandboxes run when nothing else is asked for."""

LABEL = "lra.sandbox.image"
"""Says what an image was built from."""

BASE_LABEL = "lra.sandbox.base"
"""Says which image an image was built on, when one was named."""

STAGE = "lra.sandbox.stage"
"""Label of what builds leave behind for the next one."""

Progress = Callable[[str], None]

_NOISE = ("--->", "Removing intermediate container")

_building = threading.Lock()


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Where images come from on this machine.

    Args:
        base: Image to build on; None is the one the Dockerfile names.
        wheels: Folder of wheels that pip looks into; with one, and no index, pip asks nobody else.
        index: URL of the package index in place of the public one.
        certificates: PEM file of the authorities that package managers trust while building.
        registry: URL of the npm registry in place of the public one.
        network: The engine's name of the network that builds have; None is its default.
    """

    base: str | None = None
    wheels: str | None = None
    index: str | None = None
    certificates: str | None = None
    registry: str | None = None
    network: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> ImageSettings:
        """Read `SANDBOX_BASE_IMAGE`, `_WHEELS`, `_PIP_INDEX`, `_CERTIFICATES`, `_NPM_REGISTRY`, `_BUILD_NETWORK`."""
        env = os.environ if env is None else env
        return cls(
            base=env.get("SANDBOX_BASE_IMAGE") or None,
            wheels=env.get("SANDBOX_WHEELS") or None,
            index=env.get("SANDBOX_PIP_INDEX") or None,
            certificates=env.get("SANDBOX_CERTIFICATES") or None,
            registry=env.get("SANDBOX_NPM_REGISTRY") or None,
            network=env.get("SANDBOX_BUILD_NETWORK") or None,
        )

    @property
    def arguments(self) -> dict[str, str]:
        """What the package managers are told beside the names of packages, as arguments of a Dockerfile."""
        return {"PIP_OPTIONS": self.pip_options, "NPM_OPTIONS": f"--registry={self.registry}" if self.registry else ""}

    @property
    def options(self) -> tuple[str, ...]:
        """The same as texts, for telling images apart."""
        return tuple(self.arguments.values())

    @property
    def pip_options(self) -> str:
        """What pip is told beside the names of packages."""
        if self.index:
            return f"--index-url {self.index}"
        return "--no-index" if self.wheels else ""


def ensure_kernel(client: DockerClient, settings: ImageSettings, progress: Progress) -> str:
    """Return the kernel image's tag once the image is there. Blocks.

    Args:
        client: The engine.
        settings: What to build from.
        progress: Told, line by line, what is done when it has to be built.

    Raises:
        UnavailableError: It cannot be built.
    """
    files = {f"guest/{name}": data for name, data in _guest().items()}
    files["Dockerfile"] = resources.files("sandbox").joinpath("Dockerfile").read_bytes()
    arguments = {"PIP_OPTIONS": settings.pip_options}
    if settings.base:
        arguments["BASE"] = settings.base
    build_once(client, KERNEL, files, arguments, settings, progress)
    return KERNEL


def prune(client: DockerClient) -> list[str]:
    """Remove the images of ours that are not the kernel's own and that no container uses. Blocks.

    Args:
        client: The engine.
    """
    from docker.errors import APIError

    removed = []
    ours = [
        *client.images.list(filters={"label": LABEL}),
        # Stages of builds, which are kept so that the next one is quicker.
        *client.images.list(filters={"label": STAGE, "dangling": True}),
    ]
    for image in ours:
        if KERNEL in image.tags:
            continue
        try:
            # One tag after the other, and an image without a tag by its id; what is used is kept.
            for name in image.tags or [image.short_id]:
                client.images.remove(name)
                removed.append(str(name))
        except APIError:
            continue
    return removed


def _guest() -> dict[str, bytes]:
    folder = resources.files("sandbox").joinpath("guest")
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".py")}


def build_once(
    client: DockerClient,
    tag: str,
    files: dict[str, bytes],
    arguments: dict[str, str],
    settings: ImageSettings,
    progress: Progress,
    *,
    labels: Mapping[str, str] | None = None,
) -> None:
    """Build an image unless one with this tag was built from the same things. Blocks.

    Args:
        client: The engine.
        tag: What it is called.
        files: What it is built from, a Dockerfile among them.
        arguments: Of the Dockerfile.
        settings: Wheels and certificates that come along.
        progress: Told, line by line, what is done.
        labels: What it is to say of itself.

    Raises:
        UnavailableError: It cannot be built.
    """
    with _building:
        _build_once(client, tag, files, arguments, settings, progress, labels or {})


def _build_once(
    client: DockerClient,
    tag: str,
    files: dict[str, bytes],
    arguments: dict[str, str],
    settings: ImageSettings,
    progress: Progress,
    labels: Mapping[str, str],
) -> None:
    from docker.errors import ImageNotFound

    extra = _wheels(settings.wheels)
    if settings.certificates:
        extra["certificates/ca.pem"] = _read(settings.certificates)
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    identity = digest.hexdigest()
    try:
        there = client.images.get(tag).labels
        # A process that names no base takes what another one built on a base it named.
        if there.get(LABEL) == identity and arguments.get("BASE") in {None, there.get(BASE_LABEL)}:
            return
    except ImageNotFound:
        pass
    progress(f"Building the image {tag} (a minute or two, once)")
    labels = {**labels, LABEL: identity, BASE_LABEL: arguments.get("BASE", "")}
    _build(client, tag, {**files, **extra}, arguments, labels, progress, network=settings.network)
    progress(f"Built {tag}")


def _build(
    client: DockerClient,
    tag: str,
    files: dict[str, bytes],
    arguments: dict[str, str],
    labels: dict[str, str],
    progress: Progress,
    *,
    network: str | None,
) -> None:
    from docker.errors import DockerException

    log, last = BuildLog(), list[str]()
    try:
        steps: Any = client.api.build(
            fileobj=_context(files),
            custom_context=True,
            tag=tag,
            buildargs=arguments,
            labels=labels,
            network_mode=network,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for step in steps:
            failed = str(step["error"]).strip() if "error" in step else ""
            for line in log.rest() if failed else log.add(str(step.get("stream", ""))):
                if not line.startswith(_NOISE):
                    last = [*last, line][-3:]
                    progress(line)
            if failed:
                # The engine's own words for a failed step say only its number; the step's last words say why.
                hint = "" if "BASE" in arguments else " Where no registry is reached, name a SANDBOX_BASE_IMAGE."
                raise UnavailableError(f"The image {tag} cannot be built: {' '.join([*last, failed])[-1000:]}{hint}")
    except (DockerException, OSError) as error:
        raise UnavailableError(f"The image {tag} cannot be built: {error}") from error


def _context(files: Mapping[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for folder in ("wheels", "certificates", "guest"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    packed.seek(0)
    return packed


def _wheels(folder: str | None) -> dict[str, bytes]:
    if not folder:
        return {}
    try:
        names = [name for name in sorted(os.listdir(folder)) if name.endswith((".whl", ".tar.gz"))]
    except OSError as error:
        raise UnavailableError(f"The folder of wheels {folder} cannot be read: {error.strerror}.") from None
    return {f"wheels/{name}": _read(os.path.join(folder, name)) for name in names}


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}.") from None
