"""Finding a conversation by its title and by what was said in it, as quickly as one types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from lra.store.database import Database
from lra.store.fts import QueryTerms, fold
from lra.store.records import Role, SessionRecord
from lra.store.tables import journal
from lra.text import one_line

_ROWS = 400
"""Best rows that are looked at; a conversation stands for its best one."""
_SNIPPET = 160
_LEAD = 40
"""Characters of a snippet before the first word that was found."""
_ENDING = 4
"""Letters of an ending that a stem lacks at most."""
_STEM = 4
"""Letters that two forms of a word share at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMatch:
    """A conversation and the line in it that fits best."""

    session: SessionRecord
    snippet: str
    """One line; empty when nothing was said."""
    role: Role | None
    """Who said it."""
    at: int
    """When, in microseconds UTC."""
    seq: int | None
    """Its place in the journal, for a preview around it."""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One message of a conversation, folded to a line."""

    role: Role
    text: str
    at: int
    seq: int


@dataclass(frozen=True, slots=True)
class BestRow:
    """The row that stands for its session."""

    session_id: str
    seq: int
    role: Role
    content: str
    at: int


async def best_rows(database: Database, text: str) -> list[BestRow]:
    """Return the best row of every conversation in which the words were said, best first.

    The last word may be unfinished. All words in one message come first; failing that, any of them.
    """
    terms = QueryTerms.parse(text)
    for joint in (" AND ", " OR "):
        if found := await _rows(database, _expression(terms, joint)):
            return found
        # The index holds stems: between the stem and the whole word, a beginning fits neither.
        for cut in range(1, _ENDING + 1):
            if (shorter := _cut(terms, cut)) is None:
                break
            rows = await _rows(database, _expression(shorter, joint))
            if found := [row for row in rows if terms.words[-1] in fold(row.content).lower()]:
                return found
    return []


def _cut(terms: QueryTerms, letters: int) -> QueryTerms | None:
    """Return a query whose last word lacks its last letters; None where too little would be left."""
    if not terms.words or len(terms.words[-1]) < _STEM + letters:
        return None
    return replace(terms, words=(*terms.words[:-1], terms.words[-1][:-letters]))


async def with_forks(
    database: Database, rows: Mapping[str, BestRow], records: Iterable[SessionRecord]
) -> dict[str, BestRow]:
    """Return the rows with those that forks have copied, which are in no index, each behind its original.

    Args:
        database: The record.
        rows: The best row of every conversation that was found, in their order.
        records: All conversations.
    """
    found = dict(rows)
    after: dict[str, list[str]] = {}
    # A fork of a fork comes after the fork.
    for record in sorted(records, key=lambda record: record.created_at):
        original = found.get(record.parent_id or "")
        if original is None or record.id in found:
            continue
        copies = await database.rows(
            "SELECT seq FROM journal WHERE session_id = ? AND hidden = 0 AND content = ? LIMIT 1",
            (record.id, original.content),
        )
        if copies:
            found[record.id] = replace(original, session_id=record.id, seq=copies[0][0])
            after.setdefault(original.session_id, []).append(record.id)

    def in_order(ids: Iterable[str]) -> Iterator[str]:
        for key in ids:
            yield key
            yield from in_order(after.get(key, ()))

    return {key: found[key] for key in in_order(rows)}


async def _rows(database: Database, expression: str) -> list[BestRow]:
    if not expression:
        return []
    rows = await database.rows(
        "SELECT d.session_id, d.seq, d.role, d.content, d.created_at FROM journal_fts"
        " JOIN journal d ON d.seq = journal_fts.rowid"
        " WHERE journal_fts MATCH ? AND d.hidden = 0 ORDER BY journal_fts.rank LIMIT ?",
        (expression, _ROWS),
    )
    best: dict[str, BestRow] = {}
    for row in rows:
        best.setdefault(row[0], BestRow(*row))
    return list(best.values())


def _expression(terms: QueryTerms, joint: str) -> str:
    last = len(terms.words) - 1
    parts = [f'content : "{word}"{"*" if at == last else ""}' for at, word in enumerate(terms.words)]
    parts += [f"({QueryTerms(runs=(run,)).match()})" for run in terms.runs]
    return joint.join(parts)


def in_title(title: str, text: str) -> bool:
    """Tell whether a title holds every word of a query."""
    words = fold(text).lower().split()
    held = fold(title).lower()
    return bool(words) and all(word in held for word in words)


def snippet(content: str, text: str) -> str:
    """Return the line of a message that holds most of a query's words, cut around the first of them."""
    terms = QueryTerms.parse(text)
    words = [*terms.words, *terms.runs]
    lines = [line for line in content.splitlines() if line.strip()] or [""]
    line = " ".join(max(lines, key=lambda line: sum(_at(line, word) >= 0 for word in words)).split())
    first = min((at for word in words if (at := _at(line, word)) >= 0), default=0)
    start = max(0, first - _LEAD) if len(line) > _SNIPPET else 0
    if start:
        start = line.find(" ", start, first) + 1 or start
    return ("…" if start else "") + one_line(line[start:], _SNIPPET)


def _at(line: str, word: str) -> int:
    """Return where a word, or another form of it, stands in a line; -1 when it does not."""
    lower = line.lower()
    found = lower.find(word)
    return found if found >= 0 or len(word) <= _STEM else lower.find(word[: max(_STEM, len(word) - 3)])


async def preview(database: Database, session_id: str, lines: int, around: int | None) -> list[PreviewLine]:
    """Return the last messages of a conversation, or those around a place in it, a line each."""
    after = [] if around is None else await _spoken(database, session_id, lines // 2, journal.c.seq > around)
    upto = journal.c.seq <= around if around is not None else journal.c.seq > 0
    before = await _spoken(database, session_id, lines - len(after), upto, newest=True)
    return [PreviewLine(row.role, one_line(row.content, 1000), row.created_at, row.seq) for row in [*before, *after]]


async def _spoken(
    database: Database, session_id: str, limit: int, condition: Any, *, newest: bool = False
) -> Sequence[Any]:
    query = select(journal.c.seq, journal.c.role, journal.c.content, journal.c.created_at).where(
        journal.c.session_id == session_id,
        journal.c.hidden == 0,
        journal.c.role.in_(("user", "assistant")),
        journal.c.content != "",
        condition,
    )
    rows = await database.rows(query.order_by(journal.c.seq.desc() if newest else journal.c.seq).limit(limit))
    return rows[::-1] if newest else rows
