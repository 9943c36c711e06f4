"""What the full-text indexes know of single terms: their stems, how common they are, and which rows hold them.

Ranking asks for terms one by one, so that it can leave out those found in too many rows: FTS5's own `bm25` visits every
row that holds any term of a query.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from lra.store.fts import Corpus, Filters
from lra.store.sqlite import raw

_STEM_CACHE_LIMIT = 50_000
_DRIFT = 0.01
"""How far a count of rows may be off, as a share, before they are counted again."""
TEMPORARY = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words_fts"
    " USING fts5(word, content = '', tokenize = 'porter unicode61 remove_diacritics 2')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words_terms USING fts5vocab(temp, words_fts, 'instance')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.memories_fts_places USING fts5vocab(main, memories_fts, 'instance')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.journal_fts_places USING fts5vocab(main, journal_fts, 'instance')",
)
"""What every connection that reads has of its own."""


class Lexicon:
    """What is remembered of the indexes of one database, so that it is not asked for every question."""

    def __init__(self) -> None:
        self._stems: dict[str, tuple[str, ...]] = {}
        self._sizes: dict[Corpus, tuple[int, int]] = {}
        self._means: dict[Corpus, tuple[int, float]] = {}

    def stems(self, connection: Connection, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the tokens that the index makes of each word; none for punctuation, several for `snake_case`."""
        unknown = [word for word in dict.fromkeys(words) if word not in self._stems]
        if unknown:
            if len(self._stems) > _STEM_CACHE_LIMIT:
                self._stems.clear()
            database = raw(connection)
            database.execute("INSERT INTO temp.words_fts(words_fts) VALUES ('delete-all')")
            database.executemany("INSERT INTO temp.words_fts(rowid, word) VALUES (?, ?)", enumerate(unknown))
            found: dict[int, list[tuple[int, str]]] = {}
            for doc, offset, term in database.execute("SELECT doc, offset, term FROM temp.words_terms").fetchall():
                found.setdefault(doc, []).append((offset, term))
            for number, word in enumerate(unknown):
                self._stems[word] = tuple(term for _, term in sorted(found.get(number, [])))
        return [self._stems.get(word, ()) for word in words]

    def size(self, connection: Connection, corpus: Corpus) -> int:
        """Return how many rows an index holds, of a large one about how many."""
        database = raw(connection)
        (last,) = database.execute(f"SELECT coalesce(max(id), 0) FROM {corpus}_fts_docsize").fetchone()
        known = self._sizes.get(corpus)
        if known is None or not 0 <= last - known[0] <= _DRIFT * known[1]:
            (rows,) = database.execute(f"SELECT count(*) FROM {corpus}_fts_docsize").fetchone()
            known = self._sizes[corpus] = (last, int(rows))
        return known[1] + int(last) - known[0]

    def mean_length(self, connection: Connection, corpus: Corpus, rows: int) -> float:
        """Return the mean length in characters of an index's latest rows; 0 when there are none."""
        known = self._means.get(corpus)
        if known is None or not 0.9 * rows <= known[0] <= 1.1 * rows:
            query = f"SELECT avg(length(content)) FROM (SELECT content FROM {corpus} ORDER BY seq DESC LIMIT 500)"
            (mean,) = raw(connection).execute(query).fetchone()
            known = self._means[corpus] = (rows, float(mean or 0.0))
        return known[1]


def frequencies(connection: Connection, corpus: Corpus, terms: Sequence[str]) -> dict[str, int]:
    """Return in how many rows each stemmed term occurs; terms found nowhere are left out."""
    marks = ", ".join("?" * len(terms))
    query = f"SELECT term, doc FROM {corpus}_fts_terms WHERE term IN ({marks})"
    return dict(raw(connection).execute(query, tuple(terms)).fetchall())


def beginning_with(connection: Connection, corpus: Corpus, prefix: str, *, limit: int) -> dict[str, int]:
    """Return the terms that begin so, with in how many rows each occurs."""
    query = f"SELECT term, doc FROM {corpus}_fts_terms WHERE term >= ? AND term < ? LIMIT ?"
    return dict(raw(connection).execute(query, (prefix, prefix + "\U0010ffff", limit)).fetchall())


def _asked(terms: Sequence[tuple[int, str]]) -> tuple[str, dict[str, object]]:
    """Return the common table expression `asked(place, term)` and its parameters."""
    params: dict[str, object] = {}
    values = []
    for number, (place, term) in enumerate(terms):
        values.append(f"(:p{number}, :t{number})")
        params |= {f"p{number}": place, f"t{number}": term}
    return f"WITH asked(place, term) AS (VALUES {', '.join(values)})", params


def postings(connection: Connection, corpus: Corpus, terms: Sequence[tuple[int, str]]) -> dict[int, dict[int, int]]:
    """Return for each term, by its place in the query, the rows that hold it and how often.

    Args:
        connection: Any connection.
        corpus: Which index to ask.
        terms: For each term its place in the query and its stem; stems may share a place.
    """
    if not terms:
        return {}
    asked, params = _asked(terms)
    # One row for each term: a row for each posting would mean as many turns at the interpreter's lock.
    query = (
        f"{asked} SELECT a.place, (SELECT json_group_array(i.doc) FROM temp.{corpus}_fts_places i"
        " WHERE i.term = a.term) FROM asked a"
    )
    found: dict[int, list[int]] = {}
    for place, docs in raw(connection).execute(query, params).fetchall():
        found.setdefault(place, []).extend(json.loads(docs))
    return {place: Counter(rows) for place, rows in found.items() if rows}


def speakers(connection: Connection) -> list[str]:
    """Return who has spoken by name, at most a hundred of them."""
    # One step to the next name each, instead of a look at every row.
    query = (
        "WITH RECURSIVE named(speaker, number) AS ("
        " SELECT min(speaker), 1 FROM journal WHERE speaker IS NOT NULL"
        " UNION ALL SELECT (SELECT min(speaker) FROM journal WHERE speaker > named.speaker AND speaker IS NOT NULL),"
        " number + 1 FROM named WHERE speaker IS NOT NULL AND number < 100)"
        " SELECT speaker FROM named WHERE speaker IS NOT NULL"
    )
    return [speaker for (speaker,) in raw(connection).execute(query).fetchall()]


class Spoken(NamedTuple):
    """What ranking has to know of a turn."""

    seq: int
    session: str
    speaker: str | None
    at: int
    asks: int
    """Whether it ends as a question."""


def spoken(connection: Connection, seqs: Sequence[int], *, filters: Filters) -> list[Spoken]:
    """Return those of these turns that count."""
    where, params = filters.where("journal")
    query = (
        "SELECT json_group_array(json_array(d.seq, d.session_id, d.speaker, d.created_at,"
        " substr(rtrim(d.content), -1) IN ('?', '？', '؟'))) FROM json_each(:seqs) j"
        f" CROSS JOIN journal d ON d.seq = j.value WHERE d.content_hash IS NOT NULL AND {where}"
    )
    (packed,) = raw(connection).execute(query, {"seqs": json.dumps(list(seqs)), **params}).fetchone()
    return [Spoken(*row) for row in json.loads(packed)]


def turn_counts(connection: Connection, sessions: Sequence[str]) -> dict[str, int]:
    """Return how many rows each of these sessions has."""
    query = (
        "SELECT session_id, count(*) FROM journal WHERE session_id IN (SELECT value FROM json_each(?))"
        " GROUP BY session_id"
    )
    return dict(raw(connection).execute(query, (json.dumps(list(sessions)),)).fetchall())


def texts(connection: Connection, seqs: Sequence[int]) -> dict[int, str]:
    """Return what was said in these turns."""
    query = "SELECT d.seq, d.content FROM json_each(?) j CROSS JOIN journal d ON d.seq = j.value"
    return dict(raw(connection).execute(query, (json.dumps(list(seqs)),)).fetchall())


def said_between(connection: Connection, start: int, end: int, *, sessions: int, limit: int) -> list[int]:
    """Return turns of the latest sessions that were going on in a span of time."""
    query = (
        "SELECT group_concat(seq) FROM (SELECT d.seq FROM"
        " (SELECT id FROM sessions WHERE created_at < :end AND updated_at >= :start ORDER BY updated_at DESC"
        " LIMIT :sessions) s CROSS JOIN journal d ON d.session_id = s.id"
        " WHERE d.created_at >= :start AND d.created_at < :end LIMIT :limit)"
    )
    values = {"start": start, "end": end, "sessions": sessions, "limit": limit}
    (packed,) = raw(connection).execute(query, values).fetchone()
    return list(map(int, packed.split(","))) if packed else []


def lengths(
    connection: Connection, corpus: Corpus, seqs: Sequence[int], *, filters: Filters
) -> dict[int, tuple[str | None, int]]:
    """Return the session and the length of those of these rows that count."""
    where, params = filters.where(corpus)
    # In this order, whatever the planner thinks of an index on a filter.
    query = (
        "SELECT json_group_array(json_array(d.seq, d.session_id, length(d.content))) FROM json_each(:seqs) j"
        f" CROSS JOIN {corpus} d ON d.seq = j.value {f'WHERE {where}' if where else ''}"
    )
    (packed,) = raw(connection).execute(query, {"seqs": json.dumps(list(seqs)), **params}).fetchone()
    return {seq: (session, length) for seq, session, length in json.loads(packed)}


def holding(
    connection: Connection,
    corpus: Corpus,
    match: str,
    *,
    limit: int = -1,
    between: tuple[int, int] = (0, 2**62),
) -> list[int]:
    """Return the newest rows that an FTS5 expression finds, unranked; by default all of them."""
    query = (
        f"SELECT group_concat(rowid) FROM (SELECT rowid FROM {corpus}_fts WHERE {corpus}_fts MATCH ?"
        " AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?)"
    )
    (packed,) = raw(connection).execute(query, (match, *between, limit)).fetchone()
    return list(map(int, packed.split(","))) if packed else []
