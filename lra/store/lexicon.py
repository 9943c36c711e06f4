"""What the full-text indexes know of single terms: their stems, how common they are, and which rows hold them.

Ranking asks for terms one by one, so that it can leave out those found in too many rows: FTS5's own `bm25` visits every
row that holds any term of a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from lra.store.fts import Corpus, Filters

_STEM_CACHE_LIMIT = 50_000
TEMPORARY = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words_fts"
    " USING fts5(word, tokenize = 'porter unicode61 remove_diacritics 2')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words_terms USING fts5vocab(temp, words_fts, 'instance')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.memories_fts_places USING fts5vocab(main, memories_fts, 'instance')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.journal_fts_places USING fts5vocab(main, journal_fts, 'instance')",
)
"""What every connection that reads has of its own."""

_stems: dict[str, tuple[str, ...]] = {}


def stems(connection: Connection, words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the tokens that the index makes of each word; none for punctuation, several for `snake_case`."""
    unknown = [word for word in dict.fromkeys(words) if word not in _stems]
    if unknown:
        if len(_stems) > _STEM_CACHE_LIMIT:
            _stems.clear()
        connection.exec_driver_sql("DELETE FROM temp.words_fts")
        connection.exec_driver_sql("INSERT INTO temp.words_fts(rowid, word) VALUES (?, ?)", list(enumerate(unknown)))
        found: dict[int, list[tuple[int, str]]] = {}
        rows: Iterable[Any] = connection.exec_driver_sql("SELECT doc, offset, term FROM temp.words_terms")
        for row in rows:
            found.setdefault(row[0], []).append((row[1], row[2]))
        for number, word in enumerate(unknown):
            _stems[word] = tuple(term for _, term in sorted(found.get(number, [])))
    return [_stems.get(word, ()) for word in words]


def size(connection: Connection, corpus: Corpus) -> int:
    """Return how many rows an index holds."""
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {corpus}_fts_docsize").scalar_one())


def mean_length(connection: Connection, corpus: Corpus) -> float:
    """Return the mean length in characters of the latest rows; 0 when there are none."""
    query = f"SELECT avg(length(content)) FROM (SELECT content FROM {corpus} ORDER BY seq DESC LIMIT 500)"
    return float(connection.exec_driver_sql(query).scalar_one() or 0.0)


def frequencies(connection: Connection, corpus: Corpus, terms: Sequence[str]) -> dict[str, int]:
    """Return in how many rows each stemmed term occurs; terms found nowhere are left out."""
    marks = ", ".join("?" * len(terms))
    rows: Iterable[Any] = connection.exec_driver_sql(
        f"SELECT term, doc FROM {corpus}_fts_terms WHERE term IN ({marks})", tuple(terms)
    )
    return {row[0]: row[1] for row in rows}


def beginning_with(connection: Connection, corpus: Corpus, prefix: str, *, limit: int) -> dict[str, int]:
    """Return the terms that begin so, with in how many rows each occurs."""
    rows: Iterable[Any] = connection.exec_driver_sql(
        f"SELECT term, doc FROM {corpus}_fts_terms WHERE term >= ? AND term < ? LIMIT ?",
        (prefix, prefix + "\U0010ffff", limit),
    )
    return {row[0]: row[1] for row in rows}


def _postings(corpus: Corpus, terms: Sequence[tuple[int, str]]) -> tuple[str, dict[str, object]]:
    """Return the common table expression `found(place, doc, tf)` and its parameters."""
    params: dict[str, object] = {}
    values = []
    for number, (place, term) in enumerate(terms):
        values.append(f"(:p{number}, :t{number})")
        params |= {f"p{number}": place, f"t{number}": term}
    return (
        f"WITH asked(place, term) AS (VALUES {', '.join(values)}),"
        " found AS (SELECT a.place AS place, i.doc AS doc, count(*) AS tf"
        f" FROM asked a CROSS JOIN temp.{corpus}_fts_places i ON i.term = a.term GROUP BY a.place, i.doc)",
        params,
    )


def postings(connection: Connection, corpus: Corpus, terms: Sequence[tuple[int, str]]) -> dict[int, dict[int, int]]:
    """Return for each row that holds any of the terms how often it holds which.

    Args:
        connection: Any connection.
        corpus: Which index to ask.
        terms: For each term its place in the query and its stem; stems may share a place.
    """
    if not terms:
        return {}
    common, params = _postings(corpus, terms)
    held: dict[int, dict[int, int]] = {}
    rows: Sequence[Any] = connection.exec_driver_sql(f"{common} SELECT place, doc, tf FROM found", params).all()
    for place, doc, tf in rows:
        held.setdefault(doc, {})[place] = tf
    return held


def by_session(
    connection: Connection, terms: Sequence[tuple[int, str]], *, filters: Filters
) -> dict[str, dict[int, int]]:
    """Return for each session how often its turns hold each term (by its place in the query)."""
    if not terms:
        return {}
    common, params = _postings("journal", terms)
    where, more = filters.where("journal")
    rows: Iterable[Any] = connection.exec_driver_sql(
        f"{common} SELECT d.session_id, f.place, sum(f.tf) FROM found f CROSS JOIN journal d ON d.seq = f.doc"
        f" WHERE {where} GROUP BY d.session_id, f.place",
        {**params, **more},
    )
    found: dict[str, dict[int, int]] = {}
    for row in rows:
        found.setdefault(row[0], {})[row[1]] = row[2]
    return found


def session_lengths(connection: Connection, sessions: Sequence[str]) -> dict[str, int]:
    """Return how many characters were said in each session."""
    marks = ", ".join("?" * len(sessions))
    rows: Iterable[Any] = connection.exec_driver_sql(
        f"SELECT session_id, sum(length(content)) FROM journal WHERE session_id IN ({marks})"
        " AND hidden = 0 AND content_hash IS NOT NULL GROUP BY session_id",
        tuple(sessions),
    )
    return {row[0]: row[1] for row in rows}


def lengths(
    connection: Connection, corpus: Corpus, seqs: Sequence[int], *, filters: Filters
) -> dict[int, tuple[str | None, int]]:
    """Return the session and the length of those of these rows that count."""
    where, params = filters.where(corpus)
    rows: Iterable[Any] = connection.exec_driver_sql(
        # In this order, whatever the planner thinks of an index on a filter.
        "SELECT d.seq, d.session_id, length(d.content) FROM json_each(:seqs) j"
        f" CROSS JOIN {corpus} d ON d.seq = j.value {f'WHERE {where}' if where else ''}",
        {"seqs": f"[{', '.join(map(str, seqs))}]", **params},
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def holding(
    connection: Connection,
    corpus: Corpus,
    match: str,
    *,
    limit: int,
    between: tuple[int, int] = (0, 2**62),
) -> list[int]:
    """Return the newest rows that an FTS5 expression finds, unranked: cheap however common its words are."""
    rows: Iterable[Any] = connection.exec_driver_sql(
        f"SELECT rowid FROM {corpus}_fts WHERE {corpus}_fts MATCH ? AND rowid BETWEEN ? AND ?"
        " ORDER BY rowid DESC LIMIT ?",
        (match, *between, limit),
    )
    return [row[0] for row in rows]
