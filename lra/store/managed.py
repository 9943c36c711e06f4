"""Managed agents: their versions, their environments, and which conversations are theirs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from lra.errors import NotFoundError, UsageError
from lra.store.clock import iso, now_us
from lra.store.database import Database
from lra.store.sqlite import raw


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedAgentRecord:
    """One version of a managed agent."""

    id: str
    version: int
    name: str
    config: Mapping[str, Any]
    at: int
    archived_at: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "version": self.version,
            "name": self.name,
            **self.config,
            "created_at": iso(self.at),
            "archived_at": _moment(self.archived_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRecord:
    """Where the tools of managed agents run."""

    id: str
    config: Mapping[str, Any]
    at: int
    archived_at: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "config": dict(self.config),
            "created_at": iso(self.at),
            "archived_at": _moment(self.archived_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedSessionRecord:
    """A conversation of a managed agent."""

    id: str
    agent_id: str
    agent_version: int
    environment_id: str
    title: str
    created_at: int
    updated_at: int
    archived_at: int | None
    usage: Mapping[str, int] = field(default_factory=dict)
    """`input_tokens` and `output_tokens` of all its turns."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "agent_id": self.agent_id,
            "agent_version": self.agent_version,
            "environment_id": self.environment_id,
            "title": self.title,
            "usage": dict(self.usage),
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "archived_at": _moment(self.archived_at),
        }


_AGENT = "SELECT id, version, name, config, at, archived_at FROM managed_agents"
_ENVIRONMENT = "SELECT id, config, at, archived_at FROM managed_environments"
_SESSION = (
    "SELECT m.session_id, m.agent_id, m.agent_version, m.environment_id, s.title, s.created_at, s.updated_at,"
    " m.archived_at, coalesce(sum(t.input_tokens), 0), coalesce(sum(t.output_tokens), 0)"
    " FROM managed_sessions m JOIN sessions s ON s.id = m.session_id LEFT JOIN turns t ON t.session_id = s.id"
)


class ManagedStore:
    """Rows of the `managed_*` tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_agent(self, config: Mapping[str, Any], *, name: str, id: str | None = None) -> ManagedAgentRecord:
        """Keep an agent, as the next version of one that is there unless it is the same.

        Args:
            config: What it is, as JSON; without values that may be secret.
            name: What it is called.
            id: Which agent; a new one by default.

        Raises:
            NotFoundError: There is no such agent.
            UsageError: It is archived.
        """
        if id is not None:
            found = await self.agent(id)
            if found.archived_at is not None:
                raise UsageError(f"The managed agent {id} is archived.", hint="Make another one.")
            if found.config == config:
                return found
        wanted = id or _new_id("agent")

        def work(connection: Connection) -> None:
            database = raw(connection)
            ((last,),) = database.execute(
                "SELECT coalesce(max(version), 0) FROM managed_agents WHERE id = ?", (wanted,)
            ).fetchall()
            database.execute(
                "INSERT INTO managed_agents (id, version, name, config, at) VALUES (?, ?, ?, ?, ?)",
                (wanted, last + 1, name, json.dumps(config, sort_keys=True), now_us()),
            )

        await self._database.write(work)
        return await self.agent(wanted)

    async def agent(self, id: str, version: int | None = None) -> ManagedAgentRecord:
        """Return an agent, in its latest version or in one of the earlier.

        Raises:
            NotFoundError: There is none.
        """
        rows = await self._database.rows(
            f"{_AGENT} WHERE id = ? AND (? IS NULL OR version = ?) ORDER BY version DESC LIMIT 1",
            (id, version, version),
        )
        if not rows:
            which = f"version {version} of the managed agent" if version is not None else "managed agent"
            raise NotFoundError(f"There is no {which} {id!r}.")
        return _agent(rows[0])

    async def agents(self, *, archived: bool | None = False) -> list[ManagedAgentRecord]:
        """Return every agent in its latest version, the latest first.

        Args:
            archived: Only those that are archived, or only those that are not; None for all.
        """
        rows = await self._database.rows(
            f"{_AGENT} a WHERE version = (SELECT max(version) FROM managed_agents b WHERE b.id = a.id)"
            " AND (? IS NULL OR (archived_at IS NOT NULL) = ?) ORDER BY at DESC, id",
            (archived, archived),
        )
        return [_agent(row) for row in rows]

    async def archive_agent(self, id: str) -> None:
        """Take an agent out of use; its conversations stay.

        Raises:
            NotFoundError: There is none.
        """
        await self._archive("managed_agents", "id", id, "managed agent")

    async def save_environment(self, config: Mapping[str, Any]) -> EnvironmentRecord:
        """Keep an environment.

        Args:
            config: What it is, as JSON; without values that may be secret.
        """
        wanted = _new_id("env")

        def work(connection: Connection) -> None:
            raw(connection).execute(
                "INSERT INTO managed_environments (id, config, at) VALUES (?, ?, ?)",
                (wanted, json.dumps(config, sort_keys=True), now_us()),
            )

        await self._database.write(work)
        return await self.environment(wanted)

    async def environment(self, id: str) -> EnvironmentRecord:
        """Return an environment.

        Raises:
            NotFoundError: There is none.
        """
        rows = await self._database.rows(f"{_ENVIRONMENT} WHERE id = ?", (id,))
        if not rows:
            raise NotFoundError(f"There is no environment {id!r}.")
        return _environment(rows[0])

    async def environments(self, *, archived: bool | None = False) -> list[EnvironmentRecord]:
        """Return the environments, the latest first; see `agents`."""
        rows = await self._database.rows(
            f"{_ENVIRONMENT} WHERE ? IS NULL OR (archived_at IS NOT NULL) = ? ORDER BY at DESC, id",
            (archived, archived),
        )
        return [_environment(row) for row in rows]

    async def archive_environment(self, id: str) -> None:
        """Take an environment out of use.

        Raises:
            NotFoundError: There is none.
        """
        await self._archive("managed_environments", "id", id, "environment")

    async def delete_environment(self, id: str) -> None:
        """Remove an environment.

        Raises:
            NotFoundError: There is none.
        """
        await self.environment(id)

        def work(connection: Connection) -> None:
            raw(connection).execute("DELETE FROM managed_environments WHERE id = ?", (id,))

        await self._database.write(work)

    async def claim(self, session_id: str, *, agent_id: str, version: int, environment_id: str) -> None:
        """Note whose a conversation is, in which version and where; what was noted before is replaced."""

        def work(connection: Connection) -> None:
            raw(connection).execute(
                "INSERT INTO managed_sessions (session_id, agent_id, agent_version, environment_id)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET agent_id = excluded.agent_id,"
                " agent_version = excluded.agent_version, environment_id = excluded.environment_id",
                (session_id, agent_id, version, environment_id),
            )

        await self._database.write(work)

    async def session(self, id: str) -> ManagedSessionRecord:
        """Return a conversation.

        Raises:
            NotFoundError: There is none, or it is not of a managed agent.
        """
        rows = await self._database.rows(f"{_SESSION} WHERE m.session_id = ? GROUP BY m.session_id", (id,))
        if rows:
            return _session(rows[0])
        if await self._database.rows("SELECT 1 FROM sessions WHERE id = ?", (id,)):
            raise NotFoundError(
                f"The session {id!r} is not of a managed agent.", hint=f"`lra chat -r {id}` goes on with it."
            )
        raise NotFoundError(f"There is no session {id!r}.", hint="`lra sessions list` shows them all.")

    async def sessions(
        self, *, agent_id: str | None = None, archived: bool | None = False, limit: int | None = None
    ) -> list[ManagedSessionRecord]:
        """Return the conversations of managed agents, the latest first.

        Args:
            agent_id: Of one agent.
            archived: See `agents`.
            limit: How many at most.
        """
        rows = await self._database.rows(
            f"{_SESSION} WHERE (? IS NULL OR m.agent_id = ?) AND (? IS NULL OR (m.archived_at IS NOT NULL) = ?)"
            " GROUP BY m.session_id ORDER BY s.updated_at DESC, s.id LIMIT ?",
            (agent_id, agent_id, archived, archived, -1 if limit is None else limit),
        )
        return [_session(row) for row in rows]

    async def archive_session(self, id: str) -> None:
        """Close a conversation for good; it can be read.

        Raises:
            NotFoundError: There is none.
        """
        await self.session(id)
        await self._archive("managed_sessions", "session_id", id, "session")

    async def _archive(self, table: str, column: str, id: str, what: str) -> None:
        def work(connection: Connection) -> int:
            return int(
                raw(connection)
                .execute(
                    f"UPDATE {table} SET archived_at = coalesce(archived_at, ?) WHERE {column} = ?", (now_us(), id)
                )
                .rowcount
            )

        if not await self._database.write(work):
            raise NotFoundError(f"There is no {what} {id!r}.")


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(6)}"


def _moment(at: int | None) -> str | None:
    return None if at is None else iso(at)


def _agent(row: Any) -> ManagedAgentRecord:
    key, version, name, config, at, archived = row
    return ManagedAgentRecord(
        id=key, version=version, name=name, config=json.loads(config), at=at, archived_at=archived
    )


def _environment(row: Any) -> EnvironmentRecord:
    key, config, at, archived = row
    return EnvironmentRecord(id=key, config=json.loads(config), at=at, archived_at=archived)


def _session(row: Any) -> ManagedSessionRecord:
    key, agent, version, environment, title, created, updated, archived, taken, given = row
    return ManagedSessionRecord(
        id=key,
        agent_id=agent,
        agent_version=version,
        environment_id=environment,
        title=title,
        created_at=created,
        updated_at=updated,
        archived_at=archived,
        usage={"input_tokens": taken, "output_tokens": given},
    )
