"""Control groups for one sandbox, where this process may make them: limits on all its processes together."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from sandbox.providers.base import Limits


def make(name: str, limits: Limits) -> list[str]:
    """Make groups for a sandbox, and return their folders; without permission there are none.

    Args:
        name: The sandbox.
        limits: What it may use.
    """
    made = []
    for controllers, parent in _parents():
        folder = parent / f"lra-{name}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            _set(folder, controllers, limits)
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        made.append(str(folder))
    return made


def remove(folders: list[str]) -> None:
    """Remove groups whose processes have been killed.

    Args:
        folders: What `make` returned.
    """
    for folder in folders:
        for _ in range(100):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.01)  # the last process is still being buried
            else:
                break


def _parents() -> list[tuple[set[str], Path]]:
    """Return the groups this process is in, by the controllers of their hierarchy."""
    mounts: dict[frozenset[str], Path] = {}
    try:
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _, folder, kind, options = line.split()[:4]
            if kind == "cgroup":
                mounts[frozenset(options.split(",")) & {"memory", "pids", "cpu"}] = Path(folder)
            elif kind == "cgroup2":
                mounts[frozenset()] = Path(folder)
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in groups:
        _, names, path = line.split(":", 2)
        controllers = frozenset(names.split(",")) & {"memory", "pids", "cpu"}
        mount = mounts.get(controllers)
        if mount is None:
            continue
        here = mount / path.lstrip("/")
        if controllers:
            found.append((set(controllers), here))
        elif not names:
            with contextlib.suppress(OSError):
                # A group with processes of its own gives no controllers to those below it; its parent may.
                for each in (here, here.parent):
                    given = set((each / "cgroup.subtree_control").read_text().split()) & {"memory", "pids", "cpu"}
                    if given and mount in (each, *each.parents):
                        found.append((given | {"v2"}, each))
                        break
    return found


def _set(folder: Path, controllers: set[str], limits: Limits) -> None:
    memory = limits.memory_mb * 1024 * 1024
    values: dict[str, str] = {}
    if "v2" in controllers:
        if "memory" in controllers:
            values |= {"memory.max": str(memory), "memory.swap.max": "0"}
        if "cpu" in controllers:
            values |= {"cpu.max": f"{int(limits.cpus * 100_000)} 100000", "cpu.weight": "12"}
    else:
        if "memory" in controllers:
            values |= {"memory.limit_in_bytes": str(memory), "memory.memsw.limit_in_bytes": str(memory)}
        if "cpu" in controllers:
            quota = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": str(int(limits.cpus * 100_000))}
            # An eighth of what everything else has: busy sandboxes do not keep the service from its work.
            values |= quota | {"cpu.shares": "128"}
    if "pids" in controllers:
        values["pids.max"] = str(limits.pids)
    for name, value in values.items():
        if (folder / name).exists():
            (folder / name).write_text(value)
