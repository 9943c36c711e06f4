"""Build a room out of namespaces and become the guest in it: `python3 -I jail.py < config.json`.

Prints one line of JSON: `{"pid": N}` once the guest runs, or `{"error": "…"}`.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.providers.local import filters
    from sandbox.providers.local import kernel_calls as kernel
else:
    # Run by itself, without the packages of the owner.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import filters
    import kernel_calls as kernel

    sys.path.pop(0)

USER = 1000
"""Who the user's code is, inside."""
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_FILES = {
    "etc/passwd": f"root:x:0:0:root:/:/bin/false\nuser:x:{USER}:{USER}:user:/workspace:/bin/sh\n",
    "etc/group": f"root:x:0:\nuser:x:{USER}:\n",
    "etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "etc/hostname": "sandbox\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/resolv.conf": "",
}
_GUEST = "/opt/lra/guest"


def main() -> None:
    """Start the guest in a new room and say how it can be found."""
    config = json.load(sys.stdin)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(config["socket"])
    os.chmod(config["socket"], 0o600)
    listener.listen(8)
    status_read, status_write = os.pipe()
    ready_read, ready_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.close(status_read)
        _report_failure(status_write, lambda: _middle(config, listener, status_write, ready_write, mapped_read))
    os.close(status_write)
    os.close(ready_write)
    try:
        if os.read(ready_read, 1):
            _map_users(middle)
            os.write(mapped_write, b"+")
    except OSError as error:
        print(json.dumps({"error": f"user namespace: {error.strerror}"}))
        os.kill(middle, 9)
        return
    os.waitpid(middle, 0)
    said = b""
    while piece := os.read(status_read, 4096):
        said += piece
    answer: dict[str, Any] = {}
    for line in said.splitlines():
        answer.update(json.loads(line))
    print(json.dumps(answer))


def _report_failure(status: int, work: Any) -> None:
    try:
        work()
    except BaseException as error:
        os.write(status, json.dumps({"error": str(error) or type(error).__name__}).encode() + b"\n")
    finally:
        os._exit(1)


def _map_users(pid: int) -> None:
    me, group = os.getuid(), os.getgid()
    if me == 0:
        # Inside root is root only while the room is built; the user's code is nobody outside.
        users = groups = f"0 0 1\n{USER} 65534 1\n"
    else:
        users, groups = f"{USER} {me} 1\n", f"{USER} {group} 1\n"
        with open(f"/proc/{pid}/setgroups", "w") as file:
            file.write("deny")
    for name, text in (("uid_map", users), ("gid_map", groups)):
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write(text)


def _middle(config: dict[str, Any], listener: socket.socket, status: int, ready: int, mapped: int) -> None:
    os.setsid()
    for group in config["cgroups"]:
        with open(os.path.join(group, "cgroup.procs"), "w") as file:
            file.write("0")
    kernel.unshare(kernel.CLONE_NEWUSER)
    os.write(ready, b"+")
    if not os.read(mapped, 1):
        raise OSError("the owner ended")
    kernel.unshare(
        kernel.CLONE_NEWNS
        | kernel.CLONE_NEWPID
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWUTS
        | kernel.CLONE_NEWNET
        | kernel.CLONE_NEWCGROUP
    )
    pid = os.fork()
    if pid == 0:
        _report_failure(status, lambda: _become_guest(config, listener))
    os.write(status, json.dumps({"pid": pid}).encode() + b"\n")
    os._exit(0)


def _become_guest(config: dict[str, Any], listener: socket.socket) -> None:
    socket.sethostname("sandbox")
    _loopback()
    _build(config)
    _limit(config["limits"])
    kernel.become(USER, USER)
    writable = [config["workspace"], "/tmp", "/dev/shm"]
    kernel.confine_files(["/"], writable, [f"/dev/{name}" for name in _DEVICES])
    kernel.filter_calls(filters.program(kernel.MACHINE))
    fd = listener.fileno()
    null, log = config["null_fd"], config["log_fd"]
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name in os.listdir("/proc/self/fd"):
        # What stays open until then is closed by the exec.
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), int(name) == fd)
            except OSError:
                continue
    command = [config["python"], "-I", _GUEST, "--listen-fd", str(fd)]
    os.execve(config["python"], command, {"LRA_GUEST": config["guest"], "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})


def _build(config: dict[str, Any]) -> None:
    """Make the root the guest will have, and go there."""
    limits, workspace = config["limits"], config["workspace"]
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    os.umask(0o022)
    config["null_fd"] = os.open("/dev/null", os.O_RDWR)
    config["log_fd"] = os.open(config["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    root = config["root"]
    tight = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", root, "tmpfs", tight, "mode=755,size=1m,nr_inodes=2k")
    for path in config["links"]:
        target = os.readlink(path)
        os.symlink(target, root + path)
    for name in ("proc", ".scratch", "tmp", "dev/shm", workspace.strip("/")):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    # Before the folders of the system, one of which may lie in /tmp. One quota for everything that can be written to.
    options = f"mode=755,size={limits['disk_mb']}m,nr_inodes={limits['files']}"
    kernel.mount("tmpfs", f"{root}/.scratch", "tmpfs", tight, options)
    for name, target in (("work", workspace), ("tmp", "/tmp"), ("shm", "/dev/shm")):
        os.mkdir(f"{root}/.scratch/{name}")
        os.chown(f"{root}/.scratch/{name}", USER, USER)
        kernel.mount(f"{root}/.scratch/{name}", root + target, flags=kernel.MS_BIND)
    kernel.unmount(f"{root}/.scratch")
    os.rmdir(f"{root}/.scratch")
    for path in config["folders"]:
        _bind(path, root + path)
    _bind(config["guest_folder"], root + _GUEST)
    if config["way_out"]:
        source, target = config["way_out"]
        _bind(source, root + target)
    for device in _DEVICES:
        _bind(f"/dev/{device}", f"{root}/dev/{device}", device=True)
    for name, target in _LINKS.items():
        os.symlink(target, f"{root}/dev/{name}")
    os.makedirs(f"{root}/etc", exist_ok=True)
    for name, text in _FILES.items():
        with open(f"{root}/{name}", "w") as file:
            file.write(text)
    kernel.mount("proc", f"{root}/proc", "proc", tight | kernel.MS_NOEXEC)
    kernel.mount(f"{root}/proc/sys", f"{root}/proc/sys", flags=kernel.MS_BIND | kernel.MS_REC)
    kernel.restrict_mount(f"{root}/proc/sys", kernel.ATTR_RDONLY, recursive=True)
    kernel.pivot_into(root)
    kernel.restrict_mount("/", kernel.ATTR_RDONLY, recursive=False)


def _bind(source: str, target: str, *, device: bool = False) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w"):
            pass
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
    if device:
        kernel.restrict_mount(target, kernel.ATTR_NOSUID | kernel.ATTR_NOEXEC, recursive=False)
    else:
        attributes = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV
        kernel.restrict_mount(target, attributes, recursive=True)


def _loopback() -> None:
    import fcntl
    import struct

    up, get, set_ = 1, 0x8913, 0x8914
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, get, request))[1]
        fcntl.ioctl(any_socket, set_, struct.pack("16sh14x", b"lo", flags | up))


def _limit(limits: dict[str, Any]) -> None:
    memory = limits["memory_mb"] * 1024 * 1024
    for what, most in (
        (resource.RLIMIT_NPROC, limits["pids"]),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 64 * 1024),
        (resource.RLIMIT_MSGQUEUE, 64 * 1024),
        (resource.RLIMIT_SIGPENDING, 1024),
        (resource.RLIMIT_RTPRIO, 0),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


if __name__ == "__main__":
    main()
