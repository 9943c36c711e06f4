"""Signals as they are for a program that nobody prepared."""

from __future__ import annotations

import ctypes
import os
import signal

_LAST = 64
_IGNORED = 1
# rt_sigaction and rt_sigprocmask: the C library keeps two signals to itself, which a parent may still have ignored.
_CALLS = {"x86_64": (13, 14), "aarch64": (134, 135)}
_SIZE = 8
"""Bytes of a set of signals in the kernel."""
_PYTHONS = {signal.SIGPIPE, signal.SIGXFSZ}
"""Ignored by the interpreter itself, which gives them back to the programs it starts."""


def as_usual() -> None:
    """Neither ignore nor hold back any signal, whatever was handed down; what is started later inherits that."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    machine = os.uname().machine
    if machine not in _CALLS:
        return
    action, mask = _CALLS[machine]
    for number in range(1, _LAST + 1):
        now = (ctypes.c_uint64 * 4)()
        _call(action, number, None, ctypes.byref(now))
        if now[0] == _IGNORED and number not in _PYTHONS:
            _call(action, number, ctypes.byref((ctypes.c_uint64 * 4)()), None)
    _call(mask, signal.SIG_SETMASK, ctypes.byref(ctypes.c_uint64(0)), None)


def _call(number: int, what: int, new: object, old: object) -> None:
    ctypes.CDLL(None).syscall(ctypes.c_long(number), ctypes.c_long(what), new, old, ctypes.c_long(_SIZE))
