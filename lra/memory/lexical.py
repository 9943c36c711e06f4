"""Lexical search: rows and sessions that share words with a question, scored against a perfect match."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter

from sqlalchemy import Connection

from lra.memory.candidates import Holders, holders
from lra.memory.query import Terms, Word, resolve
from lra.memory.talk import Talk
from lra.memory.weights import TURNS, Judgement
from lra.store import lexicon
from lra.store.fts import Corpus, Filters

BUDGET = 6000
"""Rows that a search visits; on smaller stores that is all of them."""

SATURATION = 1.2
LENGTH_SHARE = 0.75
"""BM25's k1 and b."""

_SCANNED = 120
_WIDER = 2
"""How many rows are scored for one that is wanted."""
_REJECTED = 3
"""How many rows are looked at for one that a narrow filter lets through."""
_AT_ONCE = 4
"""How many times as many rows as before are looked at together, when too few of those counted."""
_AROUND = 3
"""How far around a turn those are looked for that belong to it."""


@dataclass(frozen=True, slots=True)
class Width:
    """How much of what was said a question looks at."""

    rows: int
    """Turns that hold its words."""
    seeds: int
    """The best of them, whose neighbours are read as well."""
    enough: int
    """Turns that have to count; more are read until so many do."""
    judgement: Judgement = TURNS
    spare: int = 20
    """Candidates beyond those that are wanted, for those that turn out to be echoes."""


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
    """Asks the full-text indexes of one record, on a connection it is given."""

    def __init__(self) -> None:
        self.lexicon = lexicon.Lexicon()

    def rows(
        self,
        connection: Connection,
        corpus: Corpus,
        words: Sequence[Word],
        *,
        filters: Filters,
        limit: int,
        budget: int = BUDGET,
        optional: Container[str] = (),
    ) -> list[LexicalMatch]:
        """Return the best rows, best first.

        Args:
            connection: A connection that reads.
            corpus: Which index to ask.
            words: The words of the question.
            filters: Which rows count.
            limit: How many rows at most.
            budget: How many rows may be visited on the way.
            optional: Words that need not be anywhere.
        """
        terms = resolve(connection, self.lexicon, corpus, words, budget=budget, optional=optional)
        return self._rows(connection, corpus, terms, filters, limit)

    def talk(
        self,
        connection: Connection,
        words: Sequence[Word],
        *,
        filters: Filters,
        width: Width,
        budget: int = BUDGET,
        optional: Container[str] = (),
        more: Sequence[int] = (),
    ) -> tuple[Talk, Terms]:
        """Return turns that may answer a question, judged by its words, and the terms they were found by.

        Args:
            connection: A connection that reads.
            words: The words of the question.
            filters: Which turns count.
            width: How many are looked at.
            budget: How many rows may be visited on the way.
            optional: Words that need not be anywhere.
            more: Turns that were found otherwise.
        """
        terms = resolve(connection, self.lexicon, "journal", words, budget=budget, optional=optional)
        held = holders(connection, "journal", terms, session=filters.session)
        rough = _rough(held, {term.place: term.weight for term in terms.all})
        best = _best(rough, width.rows)
        rows = self._spoken(connection, best, more, filters, width)
        if len(rows) < width.enough and len(best) < len(rough):
            ordered = _best(rough, len(rough))
            step = width.rows
            while len(rows) < width.enough and step < len(ordered):
                rows += self._spoken(connection, ordered[step : 5 * step], (), filters, width)
                step *= 5
        talk = Talk(rows, held, terms, width.judgement)
        talk.by_words(lexicon.turn_counts(connection, list(talk.sessions)))
        return talk, terms

    def _spoken(
        self, connection: Connection, best: Sequence[int], more: Sequence[int], filters: Filters, width: Width
    ) -> list[lexicon.Spoken]:
        """Read turns, and those around the best of them."""
        wanted = {*best, *more}
        for seq in (*best[: width.seeds], *more[: width.seeds]):
            wanted.update(range(seq - _AROUND, seq + _AROUND + 1))
        return lexicon.spoken(connection, sorted(wanted), filters=filters)

    def _rows(
        self, connection: Connection, corpus: Corpus, terms: Terms, filters: Filters, limit: int
    ) -> list[LexicalMatch]:
        held = holders(connection, corpus, terms, session=filters.session)
        weights = {term.place: term.weight for term in terms.all}
        lengths = self._lengths(connection, corpus, _rough(held, weights), filters, _WIDER * limit)
        mean = max(self.lexicon.mean_length(connection, corpus, terms.rows), 1.0)
        columns = [(weights[place], rows) for place, rows in held.items()]
        matches = []
        for seq, (session, length) in lengths.items():
            norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length / mean)
            score = covered = 0.0
            for weight, rows in columns:
                if tf := rows.get(seq):
                    covered += weight
                    score += weight * tf / (tf + norm)
            bm25, coverage = min(1.0, score / terms.attainable), min(1.0, covered / terms.attainable)
            matches.append((bm25 + coverage, seq, session, bm25, coverage))
        return [
            LexicalMatch(seq=seq, session=session, bm25=bm25, coverage=coverage)
            for _, seq, session, bm25, coverage in nlargest(limit, matches, key=itemgetter(0, 1))
        ]

    def _lengths(
        self, connection: Connection, corpus: Corpus, rough: dict[int, float], filters: Filters, wanted: int
    ) -> dict[int, tuple[str | None, int]]:
        """Read the rows that may come first, until enough of them count."""
        step = max(_SCANNED, wanted) * (1 if filters.broad else _REJECTED)
        best = _best(rough, step)
        found = lexicon.lengths(connection, corpus, best, filters=filters)
        if len(found) >= wanted or len(best) == len(rough):
            return found
        looked = set(best)
        rest = sorted((seq for seq in reversed(rough) if seq not in looked), key=rough.__getitem__, reverse=True)
        start = 0
        while len(found) < wanted and start < len(rest):
            # As many as should do by the share that counted so far.
            scanned = step + start
            missing = (wanted - len(found)) * scanned // max(len(found), 1)
            end = start + max(step, min(_AT_ONCE * scanned, missing + missing // 2))
            found |= lexicon.lengths(connection, corpus, rest[start:end], filters=filters)
            start = end
        return found


def _best(rough: dict[int, float], count: int) -> list[int]:
    """Return the rows of the highest scores, of equal ones the newest; the best first."""
    if count >= len(rough):
        return sorted(rough, key=lambda seq: (rough[seq], seq), reverse=True)
    least = sorted(rough.values(), reverse=True)[count - 1]
    above = [seq for seq, score in rough.items() if score > least]
    above.sort(key=lambda seq: (rough[seq], seq), reverse=True)
    equal = [seq for seq, score in rough.items() if score == least]
    return above + nlargest(count - len(above), equal)


def _rough(held: Holders, weights: dict[int, float]) -> dict[int, float]:
    """Score rows as if all were equally long; most hold a term once, so that score is computed once."""
    rough: dict[int, float] = {}
    for place, rows in held.items():
        weight = weights[place]
        scores = dict.fromkeys(rows, weight / (1 + SATURATION))
        if sum(rows.values()) != len(rows):
            scores.update((seq, weight * tf / (tf + SATURATION)) for seq, tf in rows.items() if tf != 1)
        for seq in rough.keys() & scores.keys():
            scores[seq] += rough[seq]
        rough |= scores
    return rough
