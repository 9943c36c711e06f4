"""System calls that Python has no name for."""

from __future__ import annotations

import ctypes
import os
import platform

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "capset": 91, "seccomp": 277},
}
MACHINE = platform.machine()
_BY_NAME = _NUMBERS.get(MACHINE, {})
# These have the same number everywhere.
_MOUNT_SETATTR = 442
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000

_PR_SET_SECCOMP_LAST_CAP = 63
_PR_CAPBSET_DROP = 24
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4


def _fail(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _call(what: str, number: int, *arguments: object) -> int:
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    answer = int(_libc.syscall(ctypes.c_long(number), *given))
    if answer < 0:
        raise _fail(what)
    return answer


def _prctl(what: str, option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *padded) != 0:
        raise _fail(what)


def unshare(flags: int) -> None:
    """Leave namespaces for new ones."""
    if _libc.unshare(flags) != 0:
        raise _fail("unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount something."""
    given = (source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if _libc.mount(*given) != 0:
        raise _fail(f"mount {target}")


def restrict_mount(target: str, attributes: int, *, recursive: bool) -> None:
    """Add attributes such as read-only to a mount."""
    attr = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    _call(f"restrict {target}", _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), flags, ctypes.byref(attr), 32)


def pivot_into(folder: str) -> None:
    """Make a mounted folder the root, and let go of the old one."""
    os.chdir(folder)
    _call("pivot_root", _BY_NAME["pivot_root"], b".", b".")
    unmount(".")
    os.chdir("/")


def unmount(target: str) -> None:
    """Take a mount away from view."""
    if _libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
        raise _fail(f"unmount {target}")


def become(uid: int, gid: int) -> None:
    """Take an identity in this user namespace and give up every capability for good."""
    _prctl("securebits", _PR_SET_SECUREBITS, 0x2F)
    for capability in range(_PR_SET_SECCOMP_LAST_CAP + 1):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # the last one this kernel knows has been passed
    _prctl("ambient", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    if os.getuid() != uid:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _call("capset", _BY_NAME["capset"], ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    _prctl("no_new_privs", _PR_SET_NO_NEW_PRIVS, 1)


def filter_calls(program: bytes) -> None:
    """Install a seccomp filter."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    _call("seccomp", _BY_NAME["seccomp"], 1, 0, ctypes.byref(Program(len(program) // 8, program)))


def landlock_version() -> int:
    """Return which Landlock this kernel has, 0 for none."""
    try:
        return _call("landlock", _LANDLOCK_CREATE, 0, 0, 1)
    except OSError:
        return 0


def confine_files(readable: list[str], writable: list[str], devices: list[str]) -> None:
    """Let Landlock refuse every file access but these, and signals and abstract sockets out of this room."""
    version = landlock_version()
    read = 1 | 4 | 8  # execute, read a file, read a folder
    everything = 0x1FFF | (0x2000 if version >= 2 else 0) | (0x4000 if version >= 3 else 0)
    handled = everything | (0x8000 if version >= 5 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attr = (ctypes.c_uint64 * 3)(handled, 0, 3 if version >= 6 else 0)
    ruleset = _call("landlock", _LANDLOCK_CREATE, ctypes.byref(attr), size, 0)
    device = 2 | 4 | (handled & 0x4000)

    class Rule(ctypes.Structure):
        _pack_ = 1
        _fields_ = (("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32))

    for paths, allowed in ((readable, read), (writable, everything), (devices, device)):
        for path in paths:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            _call(f"landlock {path}", _LANDLOCK_ADD, ruleset, 1, ctypes.byref(Rule(allowed, fd)), 0)
            os.close(fd)
    _call("landlock", _LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)
