"""The local provider, seen from the owner."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sandbox.egress import EgressProxy
from sandbox.errors import GoneError, InvalidError, UnavailableError
from sandbox.hosts import AddressRange
from sandbox.packages import checked
from sandbox.paths import runtime_folder
from sandbox.providers.base import Spec, State, guest_config
from sandbox.providers.local import cgroups, filters, kernel_calls
from sandbox.providers.way_out import INSIDE, SOCKET, private_ranges, proxy_for, relay

_JAIL = Path(__file__).with_name("jail.py")
_GUEST = Path(__file__).parents[2] / "guest"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
_ETC = (
    "ssl/certs",
    "ssl/openssl.cnf",
    "ca-certificates",
    "pki",
    "ld.so.cache",
    "alternatives",
    "localtime",
    "mime.types",
)
_START_SECONDS = 15.0
_NET = "net"
"""The folder, within a sandbox's own, that its room sees."""
_LONGEST_SOCKET = 107


class LocalBox:
    """A guest in namespaces of its own.

    Args:
        state: How it is found.
        proxy: Its way to allowed hosts.
    """

    def __init__(self, state: State, proxy: EgressProxy | None = None) -> None:
        self._state = state
        self._folder = Path(state["folder"])
        self.proxy = proxy

    @property
    def state(self) -> State:
        """What `LocalProvider.adopt` needs."""
        return self._state

    async def connect(self) -> tuple[StreamReader, StreamWriter]:
        """Open a connection to the guest."""
        try:
            return await asyncio.open_unix_connection(str(self._folder / "guest.sock"), limit=1 << 20)
        except OSError:
            raise GoneError("The sandbox has ended.") from None

    async def kill(self) -> None:
        """End every process of it and remove its folder."""
        if self.proxy is not None:
            await self.proxy.close()
        await asyncio.to_thread(self._kill)

    async def pause(self) -> None:
        """Stop every process of it."""
        await asyncio.to_thread(self._signal_all, signal.SIGSTOP)

    async def resume(self) -> None:
        """Let its processes go on."""
        await asyncio.to_thread(self._signal_all, signal.SIGCONT)

    async def alive(self) -> bool:
        """Whether its first process runs."""
        return await asyncio.to_thread(self.runs)

    async def logs(self) -> str:
        """Return the last of what the guest said."""
        return await asyncio.to_thread(self._logs)

    def runs(self) -> bool:
        """Whether its first process runs, and is not another one with the same number."""
        return bool(_started(self._state["pid"]) == self._state["started"] != "gone")

    def _kill(self) -> None:
        if self.runs():
            with contextlib.suppress(ProcessLookupError):
                watched = os.pidfd_open(self._state["pid"])
                try:
                    if self.runs():
                        # With the first process of a pid namespace the kernel ends all the others.
                        signal.pidfd_send_signal(watched, signal.SIGKILL)
                        _wait(watched)
                finally:
                    os.close(watched)
        cgroups.remove(self._state["cgroups"])
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal_all(self, number: signal.Signals) -> None:
        room = _room(self._state["pid"])
        if room is None or not self.runs():
            raise GoneError("The sandbox has ended.")
        seen: set[int] = set()
        while True:
            found = {int(name) for name in os.listdir("/proc") if name.isdigit()}
            new = {pid for pid in found - seen if _room(pid) == room}
            if not new:
                return
            for pid in new:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
            seen |= new

    def _logs(self) -> str:
        try:
            data = (self._folder / "log").read_bytes()
        except OSError:
            return ""
        return data[-65_536:].decode("utf-8", "replace")


class LocalProvider:
    """Namespaces, Landlock, seccomp and limits of this Linux; refuses where one of them is missing.

    Args:
        python: Interpreter of the kernels, with the packages it sees; this one by default.
        private: Address ranges that allowed hosts may have although they are not public; None is what
            `SANDBOX_PRIVATE_HOSTS` says, ranges with commas between.
    """

    name = "local"
    adds_packages_later = True
    """Whether packages are unpacked into a sandbox that is there, since there is no image to build them into."""

    def __init__(self, python: str | None = None, *, private: Collection[AddressRange] | None = None) -> None:
        self._private = private_ranges(private)
        self._python = python or sys.executable
        self._checked: str | None = None
        self._known_good = False

    async def check(self) -> str | None:
        """Try the whole of it with a guest that is ended at once; what worked is known until the next boot."""
        if self._known_good:
            return None
        missing = await asyncio.to_thread(_missing)
        if missing is not None:
            return missing
        mark = await asyncio.to_thread(_mark, self._python)
        if not await asyncio.to_thread(mark.exists):
            try:
                box = await self._start(Spec())
            except UnavailableError as error:
                return error.message
            await box.kill()
            await asyncio.to_thread(mark.touch)
        self._known_good = True
        return None

    async def start(self, spec: Spec) -> LocalBox:
        """Start a guest."""
        if spec.network == "unrestricted":
            raise InvalidError(
                "The local provider gives no unrestricted network: ask for 'limited' and name the hosts."
            )
        proxy = proxy_for(spec, self._private)
        # They are put into the sandbox's own folder once it is there; nothing can be put into the system's.
        checked(spec.packages, only=("pip",))
        if spec.image is not None:
            raise InvalidError("The local provider has no images: leave out the image.")
        missing = await asyncio.to_thread(_missing)
        if missing is not None:
            raise UnavailableError(missing)
        return await self._start(spec, proxy)

    async def find(self, state: State) -> LocalBox | None:
        """Return a guest of another process."""
        box = LocalBox(state)
        return box if await box.alive() else None

    async def adopt(self, state: State) -> LocalBox | None:
        """Take over a guest of another process."""
        box = LocalBox(state)
        if not await box.alive():
            await box.kill()
            return None
        if state.get("allowed") is not None:
            box.proxy = EgressProxy(state["allowed"], name=Path(state["folder"]).name, private=self._private)
            await box.proxy.start(_way_out(state["folder"]))
        return box

    async def reap(self, known_ids: Collection[str]) -> list[str]:
        """End guests that are nobody's."""
        return await asyncio.to_thread(self._reap, set(known_ids))

    def _reap(self, known: set[str]) -> list[str]:
        ended = []
        for folder in runtime_folder("local").iterdir():
            if folder.name in known:
                continue
            try:
                state = json.loads((folder / "state.json").read_text())
            except (OSError, ValueError):
                continue
            box = LocalBox(state)
            # Its own lease ends one that runs; what a dead one left is removed here.
            if not box.runs():
                box._kill()
                ended.append(folder.name)
        return ended

    async def _start(self, spec: Spec, proxy: EgressProxy | None = None) -> LocalBox:
        folder = await asyncio.to_thread(self._prepare, spec)
        groups = await asyncio.to_thread(cgroups.make, spec.sandbox_id, spec.limits)
        allowed = None if proxy is None else list(proxy.entries)
        state = {"folder": str(folder), "cgroups": groups, "pid": -1, "started": "", "allowed": allowed}
        box = LocalBox(state, proxy)
        try:
            if proxy is not None:
                await proxy.start(_way_out(str(folder)))
            config = await asyncio.to_thread(self._config, spec, folder, groups)
            answer = await self._run_jail(config)
            if "error" in answer:
                raise UnavailableError(f"No sandbox can be built on this system: {answer['error']}.")
            box.state.update(pid=answer["pid"], started=await asyncio.to_thread(_started, answer["pid"]))
            await asyncio.to_thread((folder / "state.json").write_text, json.dumps(box.state))
        except BaseException:
            await box.kill()
            raise
        return box

    async def _run_jail(self, config: dict[str, Any]) -> dict[str, Any]:
        # Without settings of the owner's: nothing of its environment may end up inside.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_JAIL),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"LANG": "C.UTF-8"},
            cwd="/",
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                out, err = await process.communicate(json.dumps(config).encode())
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        try:
            answer: dict[str, Any] = json.loads(out)
        except ValueError:
            lines = err.decode("utf-8", "replace").strip().splitlines()
            return {"error": lines[-1] if lines else "it ended without a word"}
        return answer if "pid" in answer or "error" in answer else {"error": "it ended without a word"}

    def _prepare(self, spec: Spec) -> Path:
        folder = runtime_folder("local") / spec.sandbox_id
        folder.mkdir(mode=0o700)
        (folder / "root").mkdir(mode=0o700)
        if spec.network == "limited":
            # All that the room sees of this folder; nobody else gets through the ones above it.
            (folder / _NET).mkdir(mode=0o755)
            if len(os.fsencode(_way_out(str(folder)))) > _LONGEST_SOCKET:
                shutil.rmtree(folder)
                raise UnavailableError(
                    f"{folder} is too long a path for a socket: set LRA_SANDBOX_RUN to a shorter one."
                )
        return folder

    def _config(self, spec: Spec, folder: Path, groups: list[str]) -> dict[str, Any]:
        links = [path for path in _SYSTEM if os.path.islink(path)]
        folders = [path for path in _SYSTEM if os.path.isdir(path) and not os.path.islink(path)]
        folders += [path for path in (f"/etc/{name}" for name in _ETC) if os.path.exists(path)]
        for prefix in dict.fromkeys((sys.base_prefix, sys.prefix)):
            real = os.path.realpath(prefix)
            if not any(each == real or real.startswith(each + "/") for each in folders):
                folders.append(real)
        return {
            "socket": str(folder / "guest.sock"),
            "log": str(folder / "log"),
            "root": str(folder / "root"),
            "workspace": spec.workspace,
            "limits": asdict(spec.limits),
            "cgroups": groups,
            "links": links,
            "folders": folders,
            "guest_folder": str(_GUEST),
            "python": self._python,
            "way_out": [str(folder / _NET), INSIDE] if spec.network == "limited" else [],
            "guest": guest_config(spec, **relay(spec)),
        }


def _way_out(folder: str) -> str:
    """Return where a sandbox's proxy listens."""
    return os.path.join(folder, _NET, SOCKET)


def _mark(python: str) -> Path:
    """Return the file that is there when this worked since the system was started."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    said = f"{boot} {os.getuid()} {python} {_JAIL} {_JAIL.stat().st_mtime_ns}"
    return runtime_folder("checked") / hashlib.sha256(said.encode()).hexdigest()[:32]


def _missing() -> str | None:
    """Return what this system lacks for certain, without trying."""
    if not sys.platform.startswith("linux"):
        return "The local provider needs Linux: start Docker instead."
    if not filters.supported(kernel_calls.MACHINE):
        return f"The local provider has no system call filter for {kernel_calls.MACHINE}: start Docker instead."
    if kernel_calls.landlock_version() < 1:
        return "This kernel has no Landlock (Linux 5.13 with CONFIG_SECURITY_LANDLOCK): start Docker instead."
    return None


def _started(pid: int) -> str:
    """Return when a process started, which tells it from a later one of the same number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return "gone"
    return "gone" if fields[0] in {b"Z", b"X"} else fields[19].decode()


def _room(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def _wait(watched: int) -> None:
    import select

    select.select([watched], [], [], 5.0)


__all__ = ["LocalBox", "LocalProvider"]
