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


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMatch:
    """A session, how well it fits as a whole, and its best turn."""

    session: str
    whole: float
    best: LexicalMatch

    @property
    def score(self) -> float:
        """The whole and the best turn, equally."""
        return (self.whole + self.best.score) / 2


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

    async def sessions(self, words: Sequence[Word], *, filters: Filters, limit: int) -> list[SessionMatch]:
        """Return the best sessions, best first."""
        async with self._database.read() as connection:
            terms = await resolve(connection, "journal", words, budget=BUDGET)
            best: dict[str, LexicalMatch] = {}
            for row in await self._rows(connection, "journal", terms, filters, 1000):
                best.setdefault(row.session or "", row)
            whole = await self._whole(connection, terms, filters, best)
        found = [SessionMatch(session=name, whole=whole.get(name, 0.0), best=row) for name, row in best.items()]
        return sorted(found, key=lambda match: (-match.score, -match.best.seq))[:limit]

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

    async def _whole(
        self, connection: AsyncConnection, terms: Terms, filters: Filters, best: dict[str, LexicalMatch]
    ) -> dict[str, float]:
        """Score whole sessions, as if each were one long row."""
        asked = [(term.place, stem, term.weight) for term in terms.rare for stem in term.stems]
        held = await lexicon.by_session(connection, asked, filters=filters)
        names = list(best)[:_LENGTHS_OF]
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
