"""Which agent, environment and session a managed agent has, in the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lra.errors import LraError, NotFoundError, UsageError
from lra.managed.host import Host
from lra.managed.plan import Place, Plan
from lra.managed.session_info import SessionInfo
from lra.store.managed import ManagedSessionRecord, ManagedStore

IDS = ("agent_id", "agent_version", "environment_id", "session_id")


class Identity:
    """Which agent, environment and session there are; what is asynchronous runs in the host's thread alone.

    Args:
        host: Where the record is.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.agent_id: str | None = None
        self.agent_version: int | None = None
        self.environment_id: str | None = None
        self.session_id: str | None = None
        self.tokens = (0, 0)
        """What was sent and received in the sessions so far."""
        self._earlier = (0, 0)
        """The same without the present session."""

    def begin_session(self) -> None:
        """Begin another session with the next turn."""
        self._earlier, self.session_id = self.tokens, None

    def to_dict(self) -> dict[str, Any]:
        """Return the ids."""
        return {name: getattr(self, name) for name in IDS}

    async def save_agent(self, plan: Plan, place: Place) -> None:
        """Keep the agent and its environment, the agent in its next version where it is another than before.

        Raises:
            LraError: It is not there any more, or archived.
        """
        store = await self._store()
        agent = await store.save_agent(plan.to_dict(), name=plan.name, id=self.agent_id)
        self.agent_id, self.agent_version = agent.id, agent.version
        known = self.environment_id
        if known is None or (await store.environment(known)).config != place.to_dict():
            self.environment_id = (await store.save_environment(place.to_dict())).id

    async def session(self, plan: Plan) -> str:
        """Return the session, made when there is none.

        Raises:
            LraError: It is not there any more, or archived.
        """
        settings, store, _ = await self._host.open()
        assert self.agent_id is not None
        assert self.agent_version is not None
        assert self.environment_id is not None
        found = None if self.session_id is None else await store.managed.session(self.session_id)
        if found is not None and found.archived_at is not None:
            raise UsageError(f"The session {found.id} is archived.", hint="Begin another: reset_session().")
        if self.session_id is None:
            record = await store.sessions.create(
                folder=str(settings.folder), agent=plan.slug, origin="managed", title=plan.session_title
            )
            if plan.session_title:
                await store.sessions.set_title(record.id, plan.session_title, by_user=True)
            self.session_id = record.id
        if found is None or (found.agent_version, found.environment_id) != (self.agent_version, self.environment_id):
            await store.managed.claim(
                self.session_id,
                agent_id=self.agent_id,
                version=self.agent_version,
                environment_id=self.environment_id,
            )
        return self.session_id

    async def count(self) -> None:
        """Bring the tokens up to date."""
        usage = (await self.info(running=False)).usage
        self.tokens = (self._earlier[0] + usage["input_tokens"], self._earlier[1] + usage["output_tokens"])

    async def info(self, *, running: bool) -> SessionInfo:
        """Return what there is to tell of the session.

        Args:
            running: Whether a turn runs in it here.
        """
        if self.session_id is None:
            return SessionInfo()
        try:
            found = await (await self._store()).session(self.session_id)
        except NotFoundError:
            # Somebody has deleted it.
            return SessionInfo(id=self.session_id)
        status = "running" if running else "terminated" if found.archived_at is not None else "idle"
        return SessionInfo(id=found.id, status=status, title=found.title, usage=dict(found.usage))

    async def sessions(self, limit: int | None) -> list[dict[str, Any]]:
        """Return the sessions of the agent, the latest first."""
        if self.agent_id is None:
            return []
        found = await (await self._store()).sessions(agent_id=self.agent_id, limit=limit)
        return [each.to_dict() for each in found]

    async def restore(self, ids: Mapping[str, Any]) -> None:
        """Take over ids.

        Raises:
            NotFoundError: There is no such agent, environment or session.
            UsageError: The session is of another agent.
        """
        store = await self._store()
        agent_id, session_id, environment_id = (ids.get(name) for name in ("agent_id", "session_id", "environment_id"))
        agent = await store.agent(agent_id, ids.get("agent_version")) if agent_id else None
        session = await store.session(session_id) if session_id else None
        if environment_id:
            await store.environment(environment_id)
        if agent is not None and session is not None and session.agent_id != agent.id:
            raise _of_another(session, agent.id)
        self.forget()
        if agent is not None:
            self.agent_id, self.agent_version = agent.id, agent.version
        self.environment_id = environment_id or None
        self.session_id = session.id if session else None
        await self.count()

    async def resume(self, session_id: str) -> None:
        """Go on with a session, and with its agent where there is none yet.

        Raises:
            NotFoundError: There is no such session, or it is not of a managed agent.
            UsageError: It is of another agent.
        """
        session = await (await self._store()).session(session_id)
        if self.agent_id is not None and session.agent_id != self.agent_id:
            raise _of_another(session, self.agent_id)
        if self.agent_id is None:
            self.agent_id, self.agent_version = session.agent_id, session.agent_version
            self.environment_id = session.environment_id
        if self.session_id != session.id:
            self.begin_session()
            self.session_id = session.id
        await self.count()

    async def _store(self) -> ManagedStore:
        return (await self._host.open())[1].managed


def _of_another(session: ManagedSessionRecord, agent_id: str) -> LraError:
    return UsageError(
        f"The session {session.id} is of the agent {session.agent_id}, not of {agent_id}.",
        hint="Restore the ids that belong together, as save_ids() returned them.",
    )
