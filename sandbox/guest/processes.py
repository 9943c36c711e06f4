"""Looking at and ending processes of this sandbox."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterator

_PR_SET_DUMPABLE = 4


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def hide_memory() -> None:
    """Keep processes of the same user from reading this one's memory, environment and descriptors."""
    _prctl(_PR_SET_DUMPABLE, 0)


def everyone() -> Iterator[tuple[int, int, bool]]:
    """Yield every process that can be seen, but not this one and not the first: pid, session, whether it is stopped."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in {1, os.getpid()}:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in {b"Z", b"X"}:
            yield int(name), int(fields[3]), fields[0] in {b"T", b"t"}


def kill_others(spare_pids: Collection[int], spare_sessions: Collection[int] = ()) -> int:
    """Kill everything but what is spared, until nothing new appears; return how many were killed.

    Args:
        spare_pids: Processes that stay.
        spare_sessions: Sessions whose processes stay.
    """
    killed = 0
    for _ in range(50):
        # Stopped first, so that none of them can start another one meanwhile.
        found = [pid for pid, session, _ in everyone() if pid not in spare_pids and session not in spare_sessions]
        if not found:
            break
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            _tell(found, sign)
        killed += len(found)
    return killed


def freeze(spare_sessions: Collection[int]) -> bool:
    """Stop every process, until none is left that could let another one go on; return whether that was so.

    Args:
        spare_sessions: Sessions whose processes go on.
    """
    for _ in range(100):
        found = [pid for pid, session, stopped in everyone() if not stopped and session not in spare_sessions]
        if not found:
            return True
        _tell(found, signal.SIGSTOP)
        time.sleep(0.001)  # a process stops when it is next given a processor
    return False


def thaw() -> None:
    """Let every process that was stopped go on."""
    _tell([pid for pid, _, stopped in everyone() if stopped], signal.SIGCONT)


def _tell(pids: Collection[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue
