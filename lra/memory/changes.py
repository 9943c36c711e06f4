"""What was said and no longer holds: turns and summaries beside the facts that have since been replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from lra.memory.hits import Hit
from lra.memory.wording import core
from lra.store.clock import iso
from lra.store.fts import Filters
from lra.store.journal import content_hash
from lra.store.remembering import key_forms
from lra.store.sqlite import raw
from lra.text import one_line

_TALK = frozenset({"turn", "summary"})
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_SPEAKER = re.compile(r"^(?:You|lra): ")
_SENTENCES = 60
"""Sentences of one text that are looked up."""
_STEPS = 50
"""How often a value may have changed since."""
_EARLIER = 200
"""Earlier values of what was found that are looked at."""
_STEM = 4
"""Letters of a word that its other forms share."""
_SHOWN = 160
_MOST = 3
"""Changes told of one text."""
_COLUMNS = "m.id, m.content, m.superseded_by, m.created_at, m.namespace, m.agent, m.local_only, m.kind"
_WRITTEN = "('created', 'merged', 'edited')"


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    content: str
    superseded_by: str | None
    created_at: int
    namespace: str
    agent: str | None
    local_only: int
    kind: str

    def visible(self, filters: Filters) -> bool:
        """Return whether whoever asks may read it."""
        spaces = (filters.namespace,) if filters.namespace else filters.namespaces
        return (
            (not spaces or self.namespace in spaces)
            and (filters.agent is None or self.agent in (None, filters.agent))
            and not (filters.remote and self.local_only)
        )


@dataclass(frozen=True, slots=True)
class _Old:
    """Words that held once."""

    was: str
    row: _Row
    """The memory that said so, as it stands."""
    bound: bool
    """Whether the record knows that they come from this text; else it has to hold them."""


def mark_changed(connection: Connection, hits: Sequence[Hit], filters: Filters) -> list[Hit]:
    """Say of turns and summaries which of their words no longer hold, and what does since.

    A text is looked up by the turn or conversation whose fact was replaced or edited, by its sentences, and by the
    key of whatever else was found. Nothing is read where only memories were found.

    Args:
        connection: A connection that reads.
        hits: What was found; the order stays.
        filters: Who asks, and as of when.
    """
    talk = [hit for hit in hits if hit.kind in _TALK]
    if not talk:
        return list(hits)
    olds = _by_turn(connection, [hit.id for hit in talk if hit.kind == "turn"])
    loose = [
        *_by_session(connection, [hit.session for hit in talk if hit.kind == "summary" and hit.session]),
        *_by_sentence(connection, talk),
        *_by_key(connection, [hit.id for hit in hits if hit.kind not in _TALK]),
    ]
    if not olds and not loose:
        return list(hits)
    changes = _Changes(connection, filters)
    marked: list[Hit] = []
    for hit in hits:
        told = changes.of(hit, [*olds.get(hit.id, ()), *loose]) if hit.kind in _TALK else ""
        marked.append(replace(hit, changed=told) if told else hit)
    return marked


class _Changes:
    """What became of words, for one who asks."""

    def __init__(self, connection: Connection, filters: Filters) -> None:
        self._connection = connection
        self._filters = filters
        self._rows: dict[str, _Row | None] = {}
        self._read: dict[str, frozenset[str]] = {}

    def of(self, hit: Hit, olds: Iterable[_Old]) -> str:
        """Return in a clause what of a text has changed; empty when all of it still holds."""
        text, lines = hit.content.casefold(), None
        told: dict[str, None] = {}
        for old in olds:
            said = self._said(old.was)
            # Whoever says the same holds most of the words, however they are spelled; most hold hardly one.
            if not old.bound and 2 * sum(word[:_STEM] in text for word in said) < max(1, len(said)):
                continue
            now = self._now(old)
            if not old.bound:
                lines = [_words(line) for line in _sentences(hit.content)] if lines is None else lines
                says = self._said(now.content)
                # Who says what holds now beside what held does not mean it any more.
                if not any(said <= line and not says <= line for line in lines):
                    continue
            if (clause := self._clause(hit, old, now)) is not None:
                told[clause] = None
        return "; ".join(list(told)[:_MOST])

    def _now(self, old: _Old) -> _Row:
        """Return what took the place of old words in the end; the memory itself where it was edited."""
        now = old.row
        for _ in range(_STEPS):
            later = self._row(now.superseded_by) if now.superseded_by else None
            if later is None or (self._filters.as_of is not None and later.created_at > self._filters.as_of):
                break
            now = later
        return now

    def _clause(self, hit: Hit, old: _Old, now: _Row) -> str | None:
        # What took its place may have been forgotten since.
        gone = now.superseded_by is not None and self._row(now.superseded_by) is None
        if core(now.content) == core(old.was) and not gone:
            return None
        if hit.kind == "turn" and not old.bound and old.row.superseded_by is not None:
            first = self._row(old.row.superseded_by)
            # What is said after the change is news, and not known to be outdated.
            if first is not None and iso(first.created_at) <= hit.created_at:
                return None
        was = f"“{one_line(old.was, _SHOWN)}”" if old.row.visible(self._filters) else "a part of it"
        since = f", but “{one_line(now.content, _SHOWN)}”" if not gone and now.visible(self._filters) else ""
        return f"{was} no longer holds{since}"

    def _said(self, text: str) -> frozenset[str]:
        if text not in self._read:
            self._read[text] = _words(text)
        return self._read[text]

    def _row(self, memory_id: str) -> _Row | None:
        if memory_id not in self._rows:
            query = f"SELECT {_COLUMNS} FROM memories m WHERE m.id = ?"
            row = raw(self._connection).execute(query, (memory_id,)).fetchone()
            self._rows[memory_id] = _Row(*row) if row else None
        return self._rows[memory_id]


def _by_turn(connection: Connection, ids: Sequence[str]) -> dict[str, list[_Old]]:
    """Return what was written in the turns that these rows belong to, and is otherwise now."""
    if not ids:
        return {}
    query = (
        f"SELECT j.id, j.role, h.content, {_COLUMNS} FROM json_each(?) w CROSS JOIN journal j ON j.id = w.value"
        " CROSS JOIN memory_history h ON h.turn_id = j.turn_id CROSS JOIN memories m ON m.id = h.memory_id"
        f" WHERE h.action IN {_WRITTEN} AND h.undone = 0 AND m.kind != 'summary' AND (m.superseded_by IS NOT NULL"
        f" OR {_EDITED_SINCE})"
    )
    olds: dict[str, list[_Old]] = {}
    for turn, role, was, *row in raw(connection).execute(query, (json.dumps(list(ids)),)).fetchall():
        # The answer to it may speak of anything.
        olds.setdefault(turn, []).append(_Old(was, _Row(*row), role == "user"))
    return olds


_EDITED_SINCE = (
    "EXISTS (SELECT 1 FROM memory_history e WHERE e.memory_id = h.memory_id AND e.seq > h.seq"
    " AND e.action = 'edited' AND e.undone = 0)"
)


def _by_session(connection: Connection, sessions: Sequence[str]) -> list[_Old]:
    """Return what was written in these conversations, and is otherwise now."""
    if not sessions:
        return []
    query = (
        f"SELECT h.content, {_COLUMNS} FROM memories m CROSS JOIN memory_history h ON h.memory_id = m.id"
        f" WHERE m.session_id IN (SELECT value FROM json_each(?)) AND m.kind != 'summary' AND h.action IN {_WRITTEN}"
        f" AND h.undone = 0 AND (m.superseded_by IS NOT NULL OR {_EDITED_SINCE})"
    )
    rows = raw(connection).execute(query, (json.dumps(sorted(set(sessions))),)).fetchall()
    return [_Old(was, _Row(*row), False) for was, *row in rows]


def _by_sentence(connection: Connection, talk: Sequence[Hit]) -> list[_Old]:
    """Return replaced memories that say just what a sentence says."""
    hashes = {content_hash(sentence) for hit in talk for sentence in _sentences(hit.content)}
    query = (
        f"SELECT {_COLUMNS} FROM json_each(?) w CROSS JOIN memories m ON m.content_hash = w.value"
        " WHERE m.superseded_by IS NOT NULL"
    )
    return [_Old(row[1], _Row(*row), False) for row in raw(connection).execute(query, (json.dumps(sorted(hashes)),))]


def _by_key(connection: Connection, ids: Sequence[str]) -> list[_Old]:
    """Return the earlier values of memories that have a key."""
    if not ids:
        return []
    database = raw(connection)
    named = database.execute(
        'SELECT DISTINCT namespace, "key" FROM memories WHERE "key" IS NOT NULL AND superseded_by IS NULL'
        " AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    ).fetchall()
    forms = [(space, form) for space, key in named for form in key_forms(key)]
    query = (
        f"SELECT {_COLUMNS} FROM json_each(?) w CROSS JOIN memories m ON m.namespace = json_extract(w.value, '$[0]')"
        " AND m.\"key\" = json_extract(w.value, '$[1]') WHERE m.superseded_by IS NOT NULL ORDER BY m.seq DESC LIMIT ?"
    )
    return [_Old(row[1], _Row(*row), False) for row in database.execute(query, (json.dumps(forms), _EARLIER))]


def _words(text: str) -> frozenset[str]:
    return frozenset(core(text)) - {"user"}


def _sentences(text: str) -> list[str]:
    found = (_SPEAKER.sub("", part.strip()) for part in _SENTENCE.split(text[:8_000]))
    return [kept for part in found if (kept := part.rstrip(".!。！ "))][:_SENTENCES]
