"""A warmed interpreter. Kernels are forked from it, so that they are there at once."""

from __future__ import annotations

import array
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Sequence

_WARM = ("ast", "asyncio", "base64", "inspect", "linecache", "traceback", "json", "re", "threading", "subprocess")


def main(fd: int, preload: list[str]) -> None:
    """Fork a kernel for every message, until the supervisor is gone.

    Args:
        fd: Socket to the supervisor; a message carries a kernel's control socket, standard output and error.
        preload: Modules that kernels are born with; a missing one is left out.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor = socket.socket(fileno=fd)
    supervisor.set_inheritable(False)
    from . import kernel

    # Somebody waits for the first kernel: it is born at once, unless it is to be born with something.
    warm = bool(preload)
    if warm:
        _warm_up(preload)
    while True:
        try:
            request, ancillary, _, _ = supervisor.recvmsg(4096, socket.CMSG_SPACE(3 * 4))
        except InterruptedError:
            continue
        if not request:
            return
        fds = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        # Born through a child that ends at once, a kernel belongs to the supervisor, which sees how it ends.
        try:
            between = os.fork()
        except OSError:
            between = -1
        if between == 0:
            try:
                if os.fork() == 0:
                    supervisor.close()
                    kernel.main(request.decode(), *fds)
            except BaseException as error:  # a kernel never returns here as a zygote
                sys.stderr.write(f"kernel: {error!r}\n")
            finally:
                os._exit(0)
        if between > 0:
            os.waitpid(between, 0)
        for each in fds:
            os.close(each)
        if not warm:
            warm = True
            _warm_up(())


def _warm_up(preload: Sequence[str]) -> None:
    for name in (*_WARM, *preload):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    gc.collect()
    gc.freeze()
