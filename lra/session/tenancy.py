"""The right to write to a conversation, which one process has at a time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from lra.errors import BusyError, LraError, UsageError
from lra.runtime import Runtime
from lra.store.sessions import LEASE_SECONDS, Lease


class SessionBusyError(BusyError):
    """Another process has the session open for writing."""

    def __init__(self, session_id: str, lease: Lease) -> None:
        self.session_id = session_id
        self.lease = lease
        super().__init__(
            f"Session {session_id} is open in another process (number {lease.pid} on {lease.host}).",
            hint="Close it there, or open a copy with --fork.",
        )


class Tenancy:
    """Holds a session's lease and renews it.

    Args:
        runtime: The process's shared parts.
        session_id: Whose lease.
    """

    def __init__(self, runtime: Runtime, session_id: str) -> None:
        self._runtime = runtime
        self._session_id = session_id
        self._heartbeat: asyncio.Task[None] | None = None
        self.renewed = 0.0
        """When the lease was last renewed, in seconds since the epoch."""

    async def take(self) -> None:
        """Take the lease and keep renewing it.

        Raises:
            SessionBusyError: Another process has it.
        """
        await self._renew()
        self._heartbeat = asyncio.create_task(self._beat())

    async def ensure(self) -> None:
        """Renew a lease that may have run out: after a sleep of the machine another process may have it.

        Raises:
            SessionBusyError: It does; nothing more is written here.
        """
        if self._heartbeat is None:
            await self.take()
        elif time.time() - self.renewed > LEASE_SECONDS:
            await self._renew()

    async def _renew(self) -> None:
        lease = await self._runtime.store.sessions.acquire(self._session_id, self._runtime.process_id)
        if lease is not None:
            raise SessionBusyError(self._session_id, lease)
        self.renewed = time.time()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(LraError):
                await self._renew()

    def stop(self) -> None:
        """Renew it no more."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None

    async def release(self) -> None:
        """Give the session free."""
        await self._runtime.store.sessions.release(self._session_id, self._runtime.process_id)


def reading_only(session_id: str) -> UsageError:
    """Return what is said where a session that is only read should change.

    Args:
        session_id: The session.
    """
    return UsageError(
        f"Session {session_id} is open for reading only.", hint=f"`lra chat -r {session_id} --fork` goes on in a copy."
    )
