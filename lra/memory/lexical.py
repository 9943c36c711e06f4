"""Lexical search: rows and sessions that share words with a question, scored against a perfect match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter

from sqlalchemy import Connection

from lra.memory.query import Term, Terms, Word, resolve
from lra.store import lexicon
from lra.store.fts import Corpus, Filters, in_session

BUDGET = 6000
"""Rows that a search visits; on smaller stores that is all of them."""

SATURATION = 1.2
LENGTH_SHARE = 0.75
"""BM25's k1 and b."""

_SCANNED = 160
_NEWEST = 300
_MAX_FREQUENT = 4
_WORTH = 0.05
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
    ) -> list[LexicalMatch]:
        """Return the best rows, best first.

        Args:
            connection: A connection that reads.
            corpus: Which index to ask.
            words: The words of the question.
            filters: Which rows count.
            limit: How many rows at most.
            budget: How many rows may be visited on the way.
        """
        terms = resolve(connection, self.lexicon, corpus, words, budget=budget)
        return self._rows(connection, corpus, terms, filters, limit)

    def turns_by_session(
        self, connection: Connection, words: Sequence[Word], *, filters: Filters
    ) -> tuple[list[LexicalMatch], Terms]:
        """Return turns enough to find the best one of every session that matters, and the terms they were found by."""
        terms = resolve(connection, self.lexicon, "journal", words, budget=BUDGET)
        return self._rows(connection, "journal", terms, filters, SESSION_ROWS), terms

    def _rows(
        self, connection: Connection, corpus: Corpus, terms: Terms, filters: Filters, limit: int
    ) -> list[LexicalMatch]:
        if not terms.all:
            return []
        held = self._held(connection, corpus, terms)
        if filters.session is not None:
            self._in_session(connection, corpus, terms.frequent[:_MAX_FREQUENT], filters.session, held)
        weights = {term.place: term.weight for term in terms.all}
        rough = _rough(held, weights)
        best = sorted(held, key=lambda seq: (-rough[seq], -seq))
        lengths = self._lengths(connection, corpus, best, filters, 4 * limit)
        mean = max(self.lexicon.mean_length(connection, corpus, terms.rows), 1.0)
        matches = []
        for seq, (session, length) in lengths.items():
            norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length / mean)
            score = covered = 0.0
            for place, tf in held[seq].items():
                weight = weights[place]
                covered += weight
                score += weight * tf / (tf + norm)
            bm25, coverage = min(1.0, score / terms.attainable), min(1.0, covered / terms.attainable)
            matches.append((bm25 + coverage, seq, session, bm25, coverage))
        return [
            LexicalMatch(seq=seq, session=session, bm25=bm25, coverage=coverage)
            for _, seq, session, bm25, coverage in nlargest(limit, matches, key=itemgetter(0, 1))
        ]

    def _lengths(
        self, connection: Connection, corpus: Corpus, best: list[int], filters: Filters, wanted: int
    ) -> dict[int, tuple[str | None, int]]:
        """Read the rows that may come first, until enough of them count."""
        found: dict[int, tuple[str | None, int]] = {}
        start, step = 0, max(_SCANNED, wanted)
        while start < len(best) and len(found) < wanted:
            found |= lexicon.lengths(connection, corpus, best[start : start + step], filters=filters)
            start, step = start + step, 4 * step
        return found

    def _held(self, connection: Connection, corpus: Corpus, terms: Terms) -> dict[int, dict[int, int]]:
        """Return candidates: for each row, how often it holds which term."""
        asked = [(term.place, stem) for term in terms.rare for stem in term.stems]
        held = lexicon.postings(connection, corpus, asked)
        worth = [term for term in terms.frequent if term.weight > _WORTH * terms.attainable]
        frequent = (worth if terms.rare else terms.frequent)[:_MAX_FREQUENT]
        if held:
            self._raise(connection, corpus, terms.rare, frequent, held)
        elif frequent:
            self._newest(connection, corpus, frequent, held)
        return held

    def _in_session(
        self,
        connection: Connection,
        corpus: Corpus,
        frequent: list[Term],
        session: str,
        held: dict[int, dict[int, int]],
    ) -> None:
        """Add the rows of one session that hold terms which are too frequent to look up everywhere."""
        seqs = in_session(connection, corpus, session) if frequent else []
        if not seqs:
            return
        span = (min(seqs), max(seqs))
        for term in frequent:
            for seq in lexicon.holding(connection, corpus, term.match, limit=BUDGET, between=span):
                held.setdefault(seq, {})[term.place] = 1

    def _newest(
        self, connection: Connection, corpus: Corpus, frequent: list[Term], held: dict[int, dict[int, int]]
    ) -> None:
        """Add new rows when every term is in too many rows to visit: those with all of them, and with the rarest."""
        rarest = frequent[0].match
        for term in frequent:
            match = rarest if term is frequent[0] else f"({rarest}) AND ({term.match})"
            for seq in lexicon.holding(connection, corpus, match, limit=_NEWEST):
                held.setdefault(seq, {})[term.place] = 1
        together = " AND ".join(f"({term.match})" for term in frequent)
        for seq in lexicon.holding(connection, corpus, together, limit=_NEWEST):
            held[seq] = dict.fromkeys((term.place for term in frequent), 1)

    def _raise(
        self,
        connection: Connection,
        corpus: Corpus,
        rare: list[Term],
        frequent: list[Term],
        held: dict[int, dict[int, int]],
    ) -> None:
        """Note which of the rows found hold frequent terms as well."""
        either = " OR ".join(f"({term.match})" for term in rare)
        for term in frequent:
            match = f"({either}) AND ({term.match})"
            for seq in lexicon.holding(connection, corpus, match, limit=len(held)):
                if seq in held:
                    held[seq][term.place] = 1

    def whole_sessions(
        self, connection: Connection, terms: Terms, names: Sequence[str], *, filters: Filters
    ) -> dict[str, float]:
        """Score sessions as if each were one long row.

        Args:
            connection: A connection that reads.
            terms: What the question asks for.
            names: Which sessions; only the first 200 are looked at.
            filters: Which of their turns count.
        """
        names = list(names)[:_LENGTHS_OF]
        if not names or not terms.rare:
            return {}
        asked = [(term.place, stem) for term in terms.rare for stem in term.stems]
        held = lexicon.by_session(connection, asked, filters=filters)
        lengths = lexicon.session_lengths(connection, names)
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


def _rough(held: dict[int, dict[int, int]], weights: dict[int, float]) -> dict[int, float]:
    """Score rows as if all were equally long; most hold one term once, so those scores are computed once."""
    once = {place: weight / (1 + SATURATION) for place, weight in weights.items()}
    rough = {}
    for seq, places in held.items():
        score = 0.0
        for place, tf in places.items():
            score += once[place] if tf == 1 else weights[place] * tf / (tf + SATURATION)
        rough[seq] = score
    return rough
