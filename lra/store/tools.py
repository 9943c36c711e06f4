"""Tools that were written: their versions, what happened to them, and how often any tool was called."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection

from lra.errors import NotFoundError
from lra.store.clock import iso, now_us
from lra.store.database import Database
from lra.store.sqlite import raw

ToolState = Literal["enabled", "disabled", "deleted"]

_COLUMNS = (
    "t.name, v.version, t.state, v.source, v.parameters, v.description, v.tests, v.grants, v.author, v.session_id,"
    " v.turn_id, t.created_at, v.at"
)
_CURRENT = f"SELECT {_COLUMNS} FROM tools t JOIN tool_versions v ON v.name = t.name AND v.version = t.version"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTool:
    """A tool as it was written and checked."""

    name: str
    source: str
    """Python source that defines the function."""
    parameters: Mapping[str, Any]
    """JSON schema of its arguments."""
    description: str = ""
    tests: Sequence[Mapping[str, Any]] = ()
    grants: Mapping[str, Any] = field(default_factory=dict)
    """What it may use: `hosts`, `packages`, `seconds`, `memory_mb`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRecord(NewTool):
    """A tool of the record, in one version."""

    version: int
    state: ToolState
    author: str
    """`model` or `person`."""
    session_id: str | None
    turn_id: int | None
    created_at: int
    at: int
    """When this version was written."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "version": self.version,
            "state": self.state,
            "description": self.description,
            "parameters": dict(self.parameters),
            "source": self.source,
            "tests": [dict(test) for test in self.tests],
            "grants": dict(self.grants),
            "author": self.author,
            "session": self.session_id,
            "created_at": iso(self.created_at),
            "changed_at": iso(self.at),
        }


@dataclass(frozen=True, slots=True)
class ToolUse:
    """How a tool was used, as the journal has it."""

    calls: int = 0
    failures: int = 0
    last_use: int | None = None


@dataclass(frozen=True, slots=True)
class ToolEvent:
    """Something that happened to a tool."""

    version: int
    action: str
    author: str
    at: int


class ToolStore:
    """Rows of the `tools` and `tool_versions` tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self, tool: NewTool, *, author: str, session_id: str | None = None, turn_id: int | None = None
    ) -> ToolRecord:
        """Keep a tool, as the next version where there is one of its name.

        Args:
            tool: What was written.
            author: `model` or `person`.
            session_id: Where it was written.
            turn_id: The turn in which the model wrote it.
        """

        def work(connection: Connection) -> None:
            database, now = raw(connection), now_us()
            ((last,),) = database.execute(
                "SELECT coalesce(max(version), 0) FROM tool_versions WHERE name = ?", (tool.name,)
            ).fetchall()
            database.execute(
                "INSERT INTO tool_versions (name, version, source, parameters, description, tests, grants, author,"
                " session_id, turn_id, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    tool.name,
                    last + 1,
                    tool.source,
                    _json(tool.parameters),
                    tool.description,
                    _json(list(tool.tests)),
                    _json(tool.grants),
                    author,
                    session_id,
                    turn_id,
                    now,
                ),
            )
            database.execute(
                "INSERT INTO tools (name, version, state, created_at, changed_at) VALUES (?, ?, 'enabled', ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = 'enabled',"
                " changed_at = excluded.changed_at",
                (tool.name, last + 1, now, now),
            )
            _note(connection, tool.name, last + 1, "changed" if last else "created", author)

        await self._database.write(work)
        return await self.get(tool.name)

    async def get(self, name: str, version: int | None = None) -> ToolRecord:
        """Return a tool in its present version, or in an earlier one.

        Raises:
            NotFoundError: There is none.
        """
        query, parameters = f"{_CURRENT} WHERE t.name = ?", [name]
        if version is not None:
            query = f"SELECT {_COLUMNS} FROM tools t JOIN tool_versions v ON v.name = t.name WHERE t.name = ?"
            query, parameters = f"{query} AND v.version = ?", [name, str(version)]
        rows = await self._database.query(lambda connection: raw(connection).execute(query, parameters).fetchall())
        if not rows:
            which = f"version {version} of {name!r}" if version is not None else f"written tool {name!r}"
            raise NotFoundError(f"There is no {which}.", hint="`lra list-tools` shows what there is.")
        return _record(rows[0])

    async def find(self, *, everything: bool = False) -> list[ToolRecord]:
        """Return the enabled tools by name.

        Args:
            everything: Whether to return the disabled ones too; the deleted ones never.
        """
        states = "t.state != 'deleted'" if everything else "t.state = 'enabled'"
        query = f"{_CURRENT} WHERE {states} ORDER BY t.name"
        rows = await self._database.query(lambda connection: raw(connection).execute(query).fetchall())
        return [_record(row) for row in rows]

    async def stamp(self) -> tuple[int, int]:
        """Return a pair that changes with every change of any tool."""
        query = "SELECT coalesce(max(seq), 0), count(*) FROM tool_events"
        (found,) = await self._database.query(lambda connection: raw(connection).execute(query).fetchall())
        return int(found[0]), int(found[1])

    async def set_state(self, name: str, state: ToolState, *, author: str = "person") -> ToolRecord:
        """Enable, disable or delete a tool; its versions stay in the record.

        Raises:
            NotFoundError: There is none.
        """

        def work(connection: Connection) -> None:
            changed = (
                raw(connection)
                .execute(
                    "UPDATE tools SET state = ?, changed_at = ? WHERE name = ? AND state NOT IN (?, 'deleted')"
                    " RETURNING version",
                    (state, now_us(), name, state),
                )
                .fetchall()
            )
            for (version,) in changed:
                _note(connection, name, version, state, author)

        found = await self.get(name)
        if found.state == "deleted":
            raise NotFoundError(
                f"The tool {name!r} was deleted.", hint=f"`lra tools history {name}` shows what it was."
            )
        await self._database.write(work)
        return await self.get(name)

    async def history(self, name: str) -> list[ToolEvent]:
        """Return what happened to a tool, oldest first.

        Raises:
            NotFoundError: There never was one.
        """
        await self.get(name)
        query = "SELECT version, action, author, at FROM tool_events WHERE name = ? ORDER BY seq"
        rows = await self._database.query(lambda connection: raw(connection).execute(query, (name,)).fetchall())
        return [ToolEvent(*row) for row in rows]

    async def uses(self) -> dict[str, ToolUse]:
        """Return how every tool was used that was ever called, by name."""
        query = (
            "SELECT tool_name, count(*), sum(outcome IN ('failed', 'retried')), max(created_at) FROM journal"
            " WHERE role = 'tool' AND tool_name IS NOT NULL GROUP BY tool_name"
        )
        rows = await self._database.query(lambda connection: raw(connection).execute(query).fetchall())
        return {name: ToolUse(calls, failures or 0, last) for name, calls, failures, last in rows}


def _note(connection: Connection, name: str, version: int, action: str, author: str) -> None:
    raw(connection).execute(
        "INSERT INTO tool_events (name, version, action, author, at) VALUES (?, ?, ?, ?, ?)",
        (name, version, action, author, now_us()),
    )


def _json(value: Any) -> str:
    return json.dumps(value if not isinstance(value, Mapping) else dict(value), ensure_ascii=False)


def _record(row: Any) -> ToolRecord:
    name, version, state, source, parameters, description, tests, grants, author, session, turn, created, at = row
    return ToolRecord(
        name=name,
        version=version,
        state=state,
        source=source,
        parameters=json.loads(parameters),
        description=description,
        tests=tuple(json.loads(tests)),
        grants=json.loads(grants),
        author=author,
        session_id=session,
        turn_id=turn,
        created_at=created,
        at=at,
    )
