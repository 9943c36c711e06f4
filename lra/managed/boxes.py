"""The sandboxes of an agent's sessions."""

from __future__ import annotations

from contextlib import suppress

from lra.config import Settings
from lra.errors import UnavailableError
from lra.managed.compute import Compute, install_on_host, require_sandbox
from lra.managed.plan import Place
from lra.tools.workbench import Workbench
from sandbox.client import Client, SandboxError


class Boxes:
    """The sandboxes of an agent's sessions; in the host's thread alone.

    Args:
        place: What they are to be.
        settings: Where they come from.
    """

    def __init__(self, place: Place, settings: Settings) -> None:
        self.compute = Compute(place.kind, settings)
        """Where they come from."""
        self._place = place
        self._benches: dict[str, Workbench] = {}
        self._installed = False

    async def prepare(self) -> None:
        """Refuse packages that would go nowhere safe, and install those that are for this machine.

        Raises:
            ManagedSandboxRequired: There are packages, and no compute to install them in.
            LraError: They cannot be installed.
        """
        require_sandbox(self._place)
        if self._place.compute is None and self._place.packages and not self._installed:
            await install_on_host(self._place)
            self._installed = True

    async def bench(self, session_id: str) -> Workbench | None:
        """Return a session's workbench, its sandbox made when something has to be installed in it; None without any.

        Raises:
            UnavailableError: What was attached cannot be had.
        """
        attached = self._place.compute is not None
        if session_id not in self._benches:
            lacking = await self.compute.lacking()
            if lacking is not None and attached:
                raise UnavailableError(lacking, hint="Leave out compute to go on without a sandbox.")
            if lacking is not None:
                return None
            bench = Workbench(self.compute, session_id, self._place.options())
            if attached:
                try:
                    await (bench.ready() if self._place.packages else self.compute.client())
                except SandboxError as error:
                    raise UnavailableError(error.message) from error
            self._benches[session_id] = bench
        return self._benches[session_id]

    async def box(self, session_id: str) -> tuple[Client, str]:
        """Return a session's sandbox, made on first use.

        Raises:
            LraError: There is none and none can be made.
        """
        await self.prepare()
        bench = await self.bench(session_id)
        if bench is None:
            raise UnavailableError("This agent has no sandbox.", hint="Attach one with compute='docker'.")
        try:
            return await bench.ready()
        except SandboxError as error:
            raise UnavailableError(error.message) from error

    async def end(self, session_id: str) -> None:
        """End a session's sandbox; nothing happens when there is none."""
        bench = self._benches.pop(session_id, None)
        if bench is None:
            return
        with suppress(SandboxError):
            present = await bench.present()
            if present is not None:
                client, sandbox_id = present
                await client.delete(sandbox_id)

    async def close(self) -> None:
        """End them all."""
        self._benches.clear()
        with suppress(SandboxError):
            await self.compute.close()
