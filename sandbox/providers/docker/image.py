"""The image of a kernel: built on first use, again when it is gone or no longer what this version needs."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from sandbox.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from docker import DockerClient

KERNEL = "longrunningagents-kernel:latest"
"""The image that sandboxes run when nothing else is asked for."""

LABEL = "lra.sandbox.image"
"""Says what an image was built from."""

BASE_LABEL = "lra.sandbox.base"
"""Says which image an image was built on, when one was named."""

Progress = Callable[[str], None]

_PIP_NAME = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(?:\[[A-Za-z0-9._-]{1,60}(?:,[A-Za-z0-9._-]{1,60}){0,9}\])?"
    r"(?:(?:==|~=|!=|>=|<=|<|>)[A-Za-z0-9.*+!_-]{1,60}(?:,(?:==|~=|!=|>=|<=|<|>)[A-Za-z0-9.*+!_-]{1,60}){0,4})?\Z"
)
_MOST_PACKAGES = 100

_building = threading.Lock()


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Where images come from on this machine.

    Args:
        base: Image to build on; None is the one the Dockerfile names.
        wheels: Folder of wheels that pip looks into; with one, and no index, pip asks nobody else.
        index: URL of the package index in place of the public one.
        certificates: PEM file of the authorities that pip trusts while building.
    """

    base: str | None = None
    wheels: str | None = None
    index: str | None = None
    certificates: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> ImageSettings:
        """Read `SANDBOX_BASE_IMAGE`, `SANDBOX_WHEELS`, `SANDBOX_PIP_INDEX` and `SANDBOX_CERTIFICATES`."""
        env = os.environ if env is None else env
        return cls(
            base=env.get("SANDBOX_BASE_IMAGE") or None,
            wheels=env.get("SANDBOX_WHEELS") or None,
            index=env.get("SANDBOX_PIP_INDEX") or None,
            certificates=env.get("SANDBOX_CERTIFICATES") or None,
        )

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
    with _building:
        _ensure(client, KERNEL, files, arguments, settings, progress)
    return KERNEL


def ensure_packages(
    client: DockerClient,
    base: str,
    packages: Mapping[str, tuple[str, ...]],
    settings: ImageSettings,
    progress: Progress,
) -> str:
    """Return the tag of an image with further packages, built once for each set of them. Blocks.

    Args:
        client: The engine.
        base: The image that the packages are added to.
        packages: Names by package manager; only pip's can be added.
        settings: Where packages come from.
        progress: Told what is done.

    Raises:
        InvalidError: A name is none, a manager is not known, or a package cannot be installed.
    """
    wanted = {manager: names for manager, names in packages.items() if names}
    if others := sorted(wanted.keys() - {"pip"}):
        raise InvalidError(f"The docker provider installs packages with pip, not with {', '.join(others)}.")
    names = sorted(set(wanted.get("pip", ())))
    if not names:
        return base
    if len(names) > _MOST_PACKAGES:
        raise InvalidError(f"{len(names)} packages are more than the {_MOST_PACKAGES} a sandbox may have.")
    for name in names:
        if not _PIP_NAME.match(name):
            raise InvalidError(f"{name[:80]!a} is not the name of a Python package.")
    identity = client.images.get(base).id
    key = hashlib.sha256("\n".join([identity, settings.pip_options, *names]).encode()).hexdigest()
    tag = f"{base.rpartition(':')[0] or base}:packages-{key[:16]}"
    files = {
        "requirements.txt": "".join(f"{name}\n" for name in names).encode(),
        "Dockerfile": _PACKAGES_DOCKERFILE.encode(),
    }
    arguments = {"BASE": base, "PIP_OPTIONS": settings.pip_options}
    with _building:
        try:
            _ensure(client, tag, files, arguments, settings, progress)
        except UnavailableError as error:
            raise InvalidError(f"The packages {', '.join(names)} cannot be installed: {error.message}") from error
    return tag


def prune(client: DockerClient) -> list[str]:
    """Remove the images of ours that are not the kernel's own and that no container uses. Blocks.

    Args:
        client: The engine.
    """
    from docker.errors import APIError

    removed = []
    for image in client.images.list(filters={"label": LABEL}):
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


# The wheels and the certificates stay in the first stage; so does everything that an installation could leave behind.
_PACKAGES_DOCKERFILE = """\
ARG BASE
FROM ${BASE} AS packages
ARG PIP_OPTIONS=""
USER root
COPY wheels /wheels
COPY certificates /certificates
COPY requirements.txt /requirements.txt
RUN if [ -s /certificates/ca.pem ]; then export PIP_CERT=/certificates/ca.pem SSL_CERT_FILE=/certificates/ca.pem; fi; \\
    /opt/kernel/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-input \\
      --find-links /wheels ${PIP_OPTIONS} --requirement /requirements.txt
FROM ${BASE}
COPY --from=packages /opt/kernel /opt/kernel
"""


def _guest() -> dict[str, bytes]:
    folder = resources.files("sandbox").joinpath("guest")
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".py")}


def _ensure(
    client: DockerClient,
    tag: str,
    files: dict[str, bytes],
    arguments: dict[str, str],
    settings: ImageSettings,
    progress: Progress,
) -> None:
    """Build an image unless one with this tag was built from the same things."""
    from docker.errors import ImageNotFound

    extra = _wheels(settings.wheels)
    if settings.certificates:
        extra["certificates/ca.pem"] = _read(settings.certificates)
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    identity = digest.hexdigest()
    try:
        labels = client.images.get(tag).labels
        # A process that names no base takes what another one built on a base it named.
        if labels.get(LABEL) == identity and arguments.get("BASE") in {None, labels.get(BASE_LABEL)}:
            return
    except ImageNotFound:
        pass
    progress(f"Building the image {tag} (a minute or two, once)")
    _build(client, tag, {**files, **extra}, arguments, identity, progress)
    progress(f"Built {tag}")


def _build(
    client: DockerClient,
    tag: str,
    files: dict[str, bytes],
    arguments: dict[str, str],
    identity: str,
    progress: Progress,
) -> None:
    from docker.errors import DockerException

    last: list[str] = []
    try:
        steps: Any = client.api.build(
            fileobj=_context(files),
            custom_context=True,
            tag=tag,
            buildargs=arguments,
            labels={LABEL: identity, BASE_LABEL: arguments.get("BASE", "")},
            rm=True,
            forcerm=True,
            decode=True,
        )
        for step in steps:
            if "error" in step:
                # The engine's own words for a failed step say only its number; the step's last words say why.
                lines = [*last, str(step["error"]).strip()]
                hint = "" if "BASE" in arguments else " Where no registry is reached, name a SANDBOX_BASE_IMAGE."
                raise UnavailableError(f"The image {tag} cannot be built: {' '.join(lines)[-1000:]}{hint}")
            for line in str(step.get("stream", "")).splitlines():
                if line.strip():
                    last = [*last, line.strip()][-3:]
                    progress(line.strip())
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
