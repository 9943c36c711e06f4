"""Lexical search: rows and sessions that share words with a question, scored against a perfect match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from lra.memory.query import Term, Terms, Word, resolve
from lra.store import lexicon
from lra.store.database import Database
from lra.store.fts import Corpus, Filters
from lra.store.lexicon import LENGTH_SHARE, SATURATION, TermMatch

BUDGET = 6000
"""Rows that a search visits; on smaller stores that is all of them."""

_NEWEST = 500
_MAX_FREQUENT = 6
_LENGTHS_OF = 200
SESSION_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalMatch:
    """A row and how well its words fit, both parts from 0 to 1."""

    seq: int
    session: str | None
    bm25: float
    coverage: float

    @property
    def score(self) -> float:
        """Both parts together."""
        return (self.bm25 + self.coverage) / 2


class LexicalSearch:
    """Asks the full-text indexes.

    Args:
        database: The record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._means: dict[Corpus, tuple[int, float]] = {}

    async def rows(
        self, corpus: Corpus, words: Sequence[Word], *, filters: Filters, limit: int, budget: int = BUDGET
    ) -> list[LexicalMatch]:
        """Return the best rows, best first.

        Args:
            corpus: Which index to ask.
            words: The words of the question.
            filters: Which rows count.
            limit: How many rows at most.
            budget: How many rows may be visited on the way.
        """
        async with self._database.read() as connection:
            terms = await resolve(connection, corpus, words, budget=budget)
            return await self._rows(connection, corpus, terms, filters, limit)

    async def turns_by_session(self, words: Sequence[Word], *, filters: Filters) -> tuple[list[LexicalMatch], Terms]:
        """Return turns enough to find the best one of every session that matters, and the terms they were found by."""
        async with self._database.read() as connection:
            terms = await resolve(connection, "journal", words, budget=BUDGET)
            return await self._rows(connection, "journal", terms, filters, SESSION_ROWS), terms

    async def _rows(
        self, connection: AsyncConnection, corpus: Corpus, terms: Terms, filters: Filters, limit: int
    ) -> list[LexicalMatch]:
        rare = terms.rare or await self._newest(connection, corpus, terms)
        mean = await self._mean(connection, corpus, terms.rows)
        asked = [(term.place, stem, term.weight) for term in rare for stem in term.stems]
        found = await lexicon.ranked(connection, corpus, asked, filters=filters, mean=mean, limit=max(4 * limit, 100))
        raised = await self._raise(connection, corpus, terms, found)
        weights = {term.place: term.weight for term in terms.all}
        matches = []
        for row in found:
            more = raised.get(row.seq, [])
            extra = sum(term.weight for term in more)
            covered = sum(weights[place] for place in row.terms) + extra
            matches.append(
                LexicalMatch(
                    seq=row.seq,
                    session=row.session,
                    bm25=min(1.0, (row.score + extra) / terms.attainable / (1 + SATURATION)),
                    coverage=min(1.0, covered / terms.attainable),
                )
            )
        return sorted(matches, key=lambda match: (-match.score, -match.seq))[:limit]

    async def _newest(self, connection: AsyncConnection, corpus: Corpus, terms: Terms) -> list[Term]:
        return terms.frequent[:1]

    async def _raise(
        self, connection: AsyncConnection, corpus: Corpus, terms: Terms, found: Sequence[TermMatch]
    ) -> dict[int, list[Term]]:
        """Return for each row found the frequent terms that it holds as well."""
        raised: dict[int, list[Term]] = {}
        if not found or not terms.rare:
            return raised
        rare = " OR ".join(f"({term.match})" for term in terms.rare)
        for term in terms.frequent[:_MAX_FREQUENT]:
            for seq in await lexicon.holding(connection, corpus, f"({rare}) AND ({term.match})", limit=2 * BUDGET):
                raised.setdefault(seq, []).append(term)
        return raised

    async def _mean(self, connection: AsyncConnection, corpus: Corpus, rows: int) -> float:
        known = self._means.get(corpus)
        if known is None or not 0.9 * rows <= known[0] <= 1.1 * rows:
            known = (rows, await lexicon.mean_length(connection, corpus))
            self._means[corpus] = known
        return known[1]

    async def whole_sessions(self, terms: Terms, names: Sequence[str], *, filters: Filters) -> dict[str, float]:
        """Score sessions as if each were one long row.

        Args:
            terms: What the question asks for.
            names: Which sessions; only the first 200 are looked at.
            filters: Which of their turns count.
        """
        names = list(names)[:_LENGTHS_OF]
        if not names or not terms.rare:
            return {}
        asked = [(term.place, stem, term.weight) for term in terms.rare for stem in term.stems]
        async with self._database.read() as connection:
            held = await lexicon.by_session(connection, asked, filters=filters)
            lengths = await lexicon.session_lengths(connection, names)
        mean = sum(lengths.values()) / max(1, len(lengths))
        weights = {term.place: term.weight for term in terms.rare}
        found = {}
        for name in names:
            norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths.get(name, 0) / max(mean, 1.0))
            score = sum(
                weights[place] * count * (1 + SATURATION) / (count + norm)
                for place, count in held.get(name, {}).items()
            )
            found[name] = min(1.0, score / terms.attainable / (1 + SATURATION))
        return found
