"""Whether a sandbox can probably be had here, by signs that cost nothing to look at."""

from __future__ import annotations

import os
import platform
import socket
import sys
from pathlib import Path

DOCKER_SOCKET = "/var/run/docker.sock"
_DOCKER_PIPE = r"\\.\pipe\docker_engine"
_LANDLOCK_CREATE = 444
_VERSION_ONLY = 1
NEITHER = (
    "No code can be run here: no Docker engine answers, and {why}."
    " Start Docker, or name a sandbox service with SANDBOX_URL."
)


def why_not() -> str | None:
    """Return why there will be no sandbox, or None when there probably can be one. Only a start proves it."""
    if docker_answers():
        return None
    why = local_lacks()
    if why is None or _others():
        return None
    return NEITHER.format(why=why)


def docker_answers() -> bool:
    """Whether something listens where a Docker engine does, or one is named."""
    if os.environ.get("DOCKER_HOST"):
        return True
    if sys.platform == "win32":
        return os.path.exists(_DOCKER_PIPE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect(DOCKER_SOCKET)
        except OSError:
            return False
    return True


def local_lacks() -> str | None:
    """Return what this system lacks for the local provider, as the end of a sentence."""
    if not sys.platform.startswith("linux"):
        return "the local provider needs Linux"
    if platform.machine() not in {"x86_64", "aarch64"}:
        return f"the local provider does not know {platform.machine()}"
    if os.getuid() != 0 and any(_reads(path, refusing) for path, refusing in _NAMESPACES.items()):
        return "this system allows nobody but root to make user namespaces"
    return None if _landlock() else "this kernel has no Landlock"


_NAMESPACES = {
    "/proc/sys/user/max_user_namespaces": "0",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
}
"""What refuses namespaces, by the value with which it does."""


def _reads(path: str, text: str) -> bool:
    try:
        return Path(path).read_text(encoding="ascii").strip() == text
    except (OSError, UnicodeError):
        return False


def _landlock() -> bool:
    import ctypes

    try:
        return int(ctypes.CDLL(None).syscall(_LANDLOCK_CREATE, None, 0, _VERSION_ONLY)) > 0
    except (OSError, AttributeError):
        return False


def _others() -> bool:
    """Whether somebody else's provider is installed; looked for last, since it reads what every package says."""
    from sandbox.providers.registry import installed

    return bool(installed())
