"""The container of a sandbox, with everything taken from it that a kernel does not need."""

from __future__ import annotations

import hashlib
import os
from importlib import resources
from typing import TYPE_CHECKING, Any

from sandbox.errors import InvalidError
from sandbox.providers.base import Limits, Spec, guest_config
from sandbox.providers.way_out import INSIDE, relay

if TYPE_CHECKING:
    from docker import DockerClient

SANDBOX = "lra.sandbox.id"
"""Label of every container of ours."""
FOLDER = "lra.sandbox.folder"
"""Label that names the folder its sockets are in."""

_LOG = {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}}
_CPU_SHARES = 128
"""An eighth of what everything else has: busy sandboxes do not keep the service from its work."""
_SYSTEM = (
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib64",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr",
    "var",
)


def container_name(sandbox_id: str) -> str:
    """Return what the container of a sandbox is called."""
    return f"lra-{sandbox_id}"


def create(client: DockerClient, image: str, spec: Spec, folder: str | None, runtime: str | None) -> None:
    """Create the container of a sandbox. Blocks.

    Args:
        client: The engine.
        image: What it runs.
        spec: The sandbox.
        folder: Where its sockets are on this machine, or None for frames over its standard streams.
        runtime: The engine's name of the runtime, or None for its default.
    """
    limits = spec.limits
    # A person of its own for every sandbox: counters that the system keeps by user are not shared.
    user = 20_000 + int.from_bytes(hashlib.sha256(spec.sandbox_id.encode()).digest()[:4], "big") % 40_000
    host: dict[str, Any] = client.api.create_host_config(
        auto_remove=True,
        binds={folder: {"bind": INSIDE, "mode": "rw"}} if folder else None,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true", f"seccomp={_seccomp()}"],
        read_only=True,
        tmpfs=_tmpfs(spec.workspace, limits, user),
        mem_limit=f"{limits.memory_mb}m",
        memswap_limit=f"{limits.memory_mb}m",
        nano_cpus=int(limits.cpus * 1_000_000_000),
        cpu_shares=_CPU_SHARES,
        pids_limit=limits.pids,
        ulimits=[_ulimit("nofile", 4096), _ulimit("core", 0), _ulimit("msgqueue", 65_536)],
        log_config=_LOG if folder else {"Type": "none"},  # frames are not for a log
        ipc_mode="private",
        network_mode="bridge" if spec.network == "unrestricted" else "none",
        runtime=runtime,
    )
    host["CgroupnsMode"] = "private"
    way = ["--listen", f"{INSIDE}/guest.sock"] if folder else ["--stdio"]
    labels = {SANDBOX: spec.sandbox_id} | ({FOLDER: folder} if folder else {})
    client.api.create_container(
        image,
        entrypoint=["/opt/kernel/bin/python", "-I", "/opt/guest", *way],
        command=[],
        name=container_name(spec.sandbox_id),
        hostname="sandbox",
        user=f"{user}:{user}",
        working_dir=spec.workspace,
        environment={"LRA_GUEST": guest_config(spec, **relay(spec)), "HOME": spec.workspace},
        labels=labels,
        stdin_open=folder is None,
        host_config=host,
        healthcheck={"test": ["NONE"]},
    )


def _tmpfs(workspace: str, limits: Limits, user: int) -> dict[str, str]:
    """Split what may be stored: three quarters are the workspace, one quarter is /tmp."""
    owner = f"uid={user},gid={user},nosuid,nodev"
    files = max(limits.files, 16)
    return {
        workspace: f"{owner},exec,mode=0700,size={limits.disk_mb * 768}k,nr_inodes={files - files // 4}",
        "/tmp": f"{owner},exec,mode=1777,size={limits.disk_mb * 256}k,nr_inodes={files // 4}",
        "/dev/shm": "nosuid,nodev,noexec,mode=1777,size=64m,nr_inodes=1024",
    }


def _ulimit(name: str, most: int) -> Any:
    from docker.types import Ulimit

    return Ulimit(name=name, soft=most, hard=most)


def _seccomp() -> str:
    return resources.files("sandbox.providers.docker").joinpath("seccomp.json").read_text(encoding="utf-8")


def check_workspace(path: str) -> None:
    """See that a workspace covers nothing of the system.

    Raises:
        InvalidError: It does, or is no plain path.
    """
    parts = path.split("/")
    if not path.startswith("/") or os.path.normpath(path) != path or ":" in path or "," in path or "\0" in path:
        raise InvalidError("The workspace is not a plain absolute path.")
    if len(parts) < 2 or not parts[1] or parts[1] in _SYSTEM:
        raise InvalidError(f"{path} belongs to the system; the workspace has to be elsewhere, such as /workspace.")
