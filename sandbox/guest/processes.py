"""Looking at and ending processes of this sandbox."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Collection, Iterator

_PR_SET_DUMPABLE = 4


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def hide_memory() -> None:
    """Keep processes of the same user from reading this one's memory, environment and descriptors."""
    _prctl(_PR_SET_DUMPABLE, 0)


def everyone() -> Iterator[tuple[int, int]]:
    """Yield pid and session of every process that can be seen, but not this one and not the first."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in {1, os.getpid()}:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in {b"Z", b"X"}:
            yield int(name), int(fields[3])


def kill_others(spare_pids: Collection[int], spare_sessions: Collection[int] = ()) -> int:
    """Kill everything but what is spared, until nothing new appears; return how many were killed.

    Args:
        spare_pids: Processes that stay.
        spare_sessions: Sessions whose processes stay.
    """
    killed = 0
    for _ in range(50):
        # Stopped first, so that none of them can start another one meanwhile.
        found = [pid for pid, session in everyone() if pid not in spare_pids and session not in spare_sessions]
        if not found:
            break
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                try:
                    os.kill(pid, sign)
                except OSError:
                    continue
        killed += len(found)
    return killed
