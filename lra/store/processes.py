"""Whether another process of this host is still there; standard library only."""

from __future__ import annotations

import os


def is_alive(pid: int | None) -> bool:
    """Tell whether a process with this number runs; one of another user's counts as running."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def this_process() -> str:
    """Return what the record calls this process: `host:number`."""
    import socket

    return f"{socket.gethostname()}:{os.getpid()}"
