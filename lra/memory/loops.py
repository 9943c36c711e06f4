"""The loop guard: what was recalled is not told again by the model as if it were news."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from lra.errors import RefusedError
from lra.memory.hits import Hit
from lra.memory.wording import core
from lra.store.sqlite import raw

_SESSIONS = 64
_KEPT = 200
"""Recalled ids remembered of each session, beside those its turns name."""
_TURNS = 100
_MESSAGES = 200
_TOLD = 0.7
"""The share of a text's words in one message of the person that makes it the person's."""


class EchoRefusedError(RefusedError):
    """An earlier answer came back as a fact, which nobody told."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"It was not written to memory: it repeats an earlier answer ({source}), and the person has not said it.",
            hint="Ask the person whether it is so.",
        )

    @property
    def told(self) -> str:
        """What a model is told."""
        return f"{self.message} {self.hint}"


@dataclass(frozen=True, slots=True)
class Echo:
    """Where a text comes from that is no news."""

    id: str
    memory: bool
    """Whether it is a memory; else an answer."""


class Recollection:
    """What was put in front of the model, by session; the running turn's is nowhere else yet."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def note(self, session_id: str | None, hits: Iterable[Hit]) -> None:
        """Remember what was recalled in a session."""
        if session_id is None:
            return
        ids = self._sessions.setdefault(session_id, OrderedDict())
        self._sessions.move_to_end(session_id)
        for hit in hits:
            ids[hit.id] = None
            ids.move_to_end(hit.id)
        while len(ids) > _KEPT:
            ids.popitem(last=False)
        while len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)

    def of(self, session_id: str) -> list[str]:
        """Return the ids recalled in a session, as far as this process knows."""
        return list(self._sessions.get(session_id, ()))


def echo_of(connection: Connection, session_id: str, content: str, recalled: Iterable[str]) -> Echo | None:
    """Return what a text repeats that was recalled in its session, unless the person has said it there too.

    Args:
        connection: Where to read.
        session_id: The session in which it is written.
        content: The text.
        recalled: Ids that this process has put in front of the model.
    """
    said = frozenset(core(content)) - {"user"}
    database = raw(connection)
    ids = dict.fromkeys(recalled)
    query = "SELECT recalled FROM turns WHERE session_id = ? ORDER BY id DESC LIMIT ?"
    for (packed,) in database.execute(query, (session_id, _TURNS)).fetchall():
        ids.update(dict.fromkeys(json.loads(packed)))
    if not ids or not said:
        return None
    wanted = json.dumps(list(ids))
    sources = [
        (Echo(row[0], True), row[1])
        for row in database.execute(
            "SELECT id, content FROM memories WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
        ).fetchall()
    ] + [
        (Echo(row[0], False), row[1])
        for row in database.execute(
            "SELECT id, content FROM journal WHERE role != 'user' AND id IN (SELECT value FROM json_each(?))", (wanted,)
        ).fetchall()
    ]
    found = next((echo for echo, text in sources if said <= frozenset(core(text))), None)
    if found is None:
        return None
    messages = (
        "SELECT content FROM journal WHERE session_id = ? AND role = 'user' AND hidden = 0 ORDER BY seq DESC LIMIT ?"
    )
    for (text,) in database.execute(messages, (session_id, _MESSAGES)).fetchall():
        if not text.rstrip().endswith(("?", "？", "؟")) and len(said & frozenset(core(text))) >= _TOLD * len(said):
            return None
    return found
