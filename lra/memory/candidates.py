"""Which rows hold which words of a question: the candidates that lexical search scores."""

from __future__ import annotations

from sqlalchemy import Connection

from lra.memory.query import Term, Terms
from lra.store import lexicon
from lra.store.fts import Corpus, in_session

Holders = dict[int, dict[int, int]]
"""For each term, by its place in the question: the rows that hold it, and how often."""

_NEWEST = 300
_MAX_FREQUENT = 4
_WORTH = 0.05


def holders(connection: Connection, corpus: Corpus, terms: Terms, *, session: str | None) -> Holders:
    """Return the rows that may answer a question.

    Rows that hold a rare term are candidates, and frequent terms raise them. Where every term is frequent, the newest
    rows are.

    Args:
        connection: A connection that reads.
        corpus: Which index to ask.
        terms: What the question asks for.
        session: The only session whose rows count, if any.
    """
    if session is not None:
        return _of_session(connection, corpus, terms, session)
    found = _rare(connection, corpus, terms)
    worth = [term for term in terms.frequent if term.weight > _WORTH * terms.attainable]
    frequent = (worth if terms.rare else terms.frequent)[:_MAX_FREQUENT]
    if any(found.values()):
        _raise(connection, corpus, terms.rare, frequent, found)
    elif frequent:
        _newest(connection, corpus, frequent, found)
    return found


def _rare(connection: Connection, corpus: Corpus, terms: Terms) -> Holders:
    return lexicon.postings(connection, corpus, [(term.place, stem) for term in terms.rare for stem in term.stems])


def _of_session(connection: Connection, corpus: Corpus, terms: Terms, session: str) -> Holders:
    """Return the rows of one session, where even the most frequent terms can be looked up."""
    seqs = in_session(connection, corpus, session)
    if not seqs:
        return {}
    found = {
        place: {seq: rows[seq] for seq in seqs if seq in rows}
        for place, rows in _rare(connection, corpus, terms).items()
    }
    between = (min(seqs), max(seqs))
    mine = set(seqs)
    for term in terms.frequent[:_MAX_FREQUENT]:
        rows = lexicon.holding(connection, corpus, term.match, between=between)
        found[term.place] = dict.fromkeys(mine.intersection(rows), 1)
    return found


def _newest(connection: Connection, corpus: Corpus, frequent: list[Term], found: Holders) -> None:
    """Add new rows when every term is in too many rows to visit: those with all of them, and with the rarest."""
    rarest = frequent[0].match
    together = lexicon.holding(connection, corpus, " AND ".join(f"({term.match})" for term in frequent), limit=_NEWEST)
    for term in frequent:
        match = rarest if term is frequent[0] else f"({rarest}) AND ({term.match})"
        rows = lexicon.holding(connection, corpus, match, limit=_NEWEST)
        found[term.place] = dict.fromkeys([*rows, *together], 1)


def _raise(connection: Connection, corpus: Corpus, rare: list[Term], frequent: list[Term], found: Holders) -> None:
    """Note which of the rows found hold frequent terms as well."""
    either = " OR ".join(f"({term.match})" for term in rare)
    for term in frequent:
        found[term.place] = dict.fromkeys(lexicon.holding(connection, corpus, f"({either}) AND ({term.match})"), 1)
