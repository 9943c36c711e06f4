"""Where the sandboxes of a managed agent come from, and the packages of those who have none."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Any, cast

from lra.config import Settings
from lra.errors import UnavailableError, UsageError
from lra.managed.errors import ManagedSandboxRequired
from lra.managed.plan import Place
from lra.tools.workshop import Workshop
from sandbox.client import Client, SandboxError, likely

_SECONDS = 600.0
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?((==|~=|!=|>=|<=|<|>)[A-Za-z0-9.*+!_-]+,?)*")


class Compute(Workshop):
    """Where the sandboxes of one agent come from.

    Args:
        kind: `docker`, `local` for sandboxes of this process alone, or `auto`.
        settings: Where a service may be.
    """

    def __init__(self, kind: str, settings: Settings) -> None:
        super().__init__(None if kind == "local" else settings.sandbox_url, settings.sandbox_api_key, settings.home)
        self._kind = kind
        self._checked = False

    async def client(self) -> Client:
        """Return the client, connected and checked on first use.

        Raises:
            SandboxError: There is none, or it makes other sandboxes than were asked for.
        """
        client = await super().client()
        if self._kind != "docker":
            return client
        if not self._checked:
            health = await client.health()
            if health.get("provider") != "docker":
                raise _without_docker(
                    health.get("problem") or f"Sandboxes are made with {health.get('provider')} here."
                )
            self._checked = True
        return cast(Client, _OnlyDocker(client))

    async def lacking(self) -> str | None:
        """Return why no code can be run, or None when it probably can."""
        return "This agent has no sandbox." if self._kind == "none" else await asyncio.to_thread(likely, self.url)


class _OnlyDocker:
    """A client that makes no other sandboxes: where one provider fails, a process may go on with another."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def create(self, **options: Any) -> dict[str, Any]:
        try:
            made = await self._client.create(**options)
        except SandboxError as error:
            if (await self._client.health()).get("provider") == "docker":
                raise
            raise _without_docker(error.message) from error
        if made["provider"] != "docker":
            await self._client.delete(made["id"])
            raise _without_docker("It answers, and no container could be started.")
        return made


def _without_docker(why: str) -> SandboxError:
    return SandboxError(f"Docker was asked for and cannot be used. {why}")


def require_sandbox(place: Place) -> None:
    """Refuse packages that would go nowhere safe.

    Args:
        place: Where the tools work.

    Raises:
        ManagedSandboxRequired: There are packages, and no compute to install them in.
    """
    if place.compute is not None or not place.packages or place.host_packages_ok:
        return
    names = ", ".join(name for each in place.packages.values() for name in each)
    raise ManagedSandboxRequired(
        f"The packages {names} need a sandbox to be installed in.",
        hint="Attach one with compute='docker', or set host_packages_ok=True to install them on this machine.",
    )


async def install_on_host(place: Place) -> None:
    """Install packages for the Python that runs here, since the configuration says so.

    Args:
        place: What is wanted.

    Raises:
        UsageError: They are not Python packages, or no names of packages.
        UnavailableError: They cannot be installed.
    """
    others = [manager for manager in place.packages if manager != "pip"]
    if others:
        raise UsageError(
            f"Packages of {', '.join(others)} are not installed on this machine.", hint="Attach compute='docker'."
        )
    names = place.packages.get("pip", [])
    if wrong := next((name for name in names if not _PACKAGE.fullmatch(name)), None):
        raise UsageError(f"{wrong[:80]!r} is not the name of a Python package.")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--", *names)
    process = await asyncio.create_subprocess_exec(
        *pip, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise UnavailableError(f"Installing {', '.join(names)} took longer than {_SECONDS:.0f} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = said.decode("utf-8", "replace").strip().splitlines() or ["pip said nothing."]
        why = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
        raise UnavailableError(f"{', '.join(names)} cannot be installed: {why.removeprefix('ERROR: ')[:300]}")


def about(place: Place) -> str:
    """Return what the model is told of its sandbox.

    Args:
        place: Where the tools work.
    """
    network = {
        "none": "There is no network in it.",
        "limited": f"Of the network it reaches only {', '.join(place.allowed_hosts)}.",
        "unrestricted": "It reaches the network.",
    }[place.network]
    names = ", ".join(name for each in place.packages.values() for name in each) if place.compute else ""
    installed = f" Installed in it: {names}." if names else ""
    return f"Commands, code and files are those of a sandbox of your own. {network}{installed}"
