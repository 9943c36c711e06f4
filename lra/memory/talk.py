"""Ranking what was said: a turn is judged by itself, by what was said around it and by its conversation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from itertools import pairwise

from lra.memory.candidates import Holders
from lra.memory.query import Terms
from lra.memory.times import Span, nearness, told_in
from lra.memory.weights import TURNS, Judgement, Weights
from lra.store.lexicon import Spoken

REACH = 3
"""How many turns before and after one belong to it."""
_GAP = 4
"""How far the numbers of turns may lie apart that follow each other; what a tool gave lies between."""
_DECAY = {0: 1.0, 1: 0.7, 2: 0.7, 3: 0.0, -1: 0.5, -2: 0.3, -3: 0.0}
"""How much of what a turn lacks is made good by the turn so many before it."""
_SATURATION = 1.2
_LENGTH_SHARE = 0.75
_BEND = 0.7
"""From here scores grow ever more slowly towards 1, so that what is very good can still be told from better."""
_SHARERS = 20
_OTHERS = 0.7
"""How much a score falls when all that fits was said by somebody else than the one who was asked about."""


@dataclass(slots=True)
class Turn:
    """A turn on its way to becoming a hit."""

    row: Spoken
    weights: Weights
    signals: dict[str, float] = field(default_factory=dict)
    raw: float = 0.0

    def score(self, *, timed: bool) -> float:
        """Return how well it fits, from 0 to 1; a time that was asked for is a part of the whole."""
        whole = self.weights.whole + (self.weights.time if timed else 0.0)
        return _softened(self.raw / whole) * self.signals.get("told_by", 1.0)

    def closer(self, proximity: float) -> None:
        """Note how near to each other it says what is asked for."""
        if proximity:
            self.signals["proximity"] = proximity
            self.raw += self.weights.proximity * proximity


class Talk:
    """Turns that may answer a question, in their conversations.

    Args:
        rows: The turns, with those around them.
        held: Which rows hold which terms.
        terms: What the question asks for.
        judgement: How they are judged.
    """

    def __init__(self, rows: Sequence[Spoken], held: Holders, terms: Terms, judgement: Judgement) -> None:
        self.turns = {row.seq: Turn(row, judgement.by_words) for row in rows}
        self._judgement = judgement
        self._held = held
        self._weights = {term.place: term.weight / terms.attainable for term in terms.all}
        self.sessions: dict[str, list[int]] = {}
        for seq in sorted(self.turns):
            self.sessions.setdefault(self.turns[seq].row.session, []).append(seq)
        self._after: dict[int, int] = {}
        self._before: dict[int, int] = {}
        for seqs in self.sessions.values():
            for seq, following in pairwise(seqs):
                if following - seq <= _GAP:
                    self._after[seq], self._before[following] = following, seq

    def _around(self, seq: int) -> Iterator[tuple[int, int]]:
        """Give a turn and those around it `(how many turns later, seq)`."""
        yield 0, seq
        for direction, nexts in ((1, self._after), (-1, self._before)):
            other = seq
            for step in range(1, REACH + 1):
                if other not in nexts:
                    break
                other = nexts[other]
                yield direction * step, other

    def by_words(self, lengths: Mapping[str, int]) -> None:
        """Judge turns by the words of the question.

        Args:
            lengths: How many turns each conversation has.
        """
        coverage: dict[int, float] = {}
        context: dict[int, float] = {}
        passage: dict[int, float] = {}
        sessions: dict[str, float] = {}
        covered: dict[str, float] = {}
        mean = sum(lengths.values()) / max(1, len(lengths))
        for place, weight in self._weights.items():
            rows = self._held.get(place, {})
            near: dict[int, float] = {}
            passages: dict[int, int] = {}
            counts: dict[str, int] = {}
            for seq in self.turns.keys() & rows.keys():
                coverage[seq] = coverage.get(seq, 0.0) + weight
                session = self.turns[seq].row.session
                counts[session] = counts.get(session, 0) + rows[seq]
                for step, other in self._around(seq):
                    passages[other] = passages.get(other, 0) + rows[seq]
                    if near.get(other, 0.0) < _DECAY[step]:
                        near[other] = _DECAY[step]
            for seq, share in near.items():
                context[seq] = context.get(seq, 0.0) + weight * share
            for seq, count in passages.items():
                passage[seq] = passage.get(seq, 0.0) + weight * count / (count + _SATURATION)
            for session, count in counts.items():
                size = lengths.get(session, mean) / max(mean, 1.0)
                norm = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * size)
                sessions[session] = sessions.get(session, 0.0) + weight * count / (count + norm)
                covered[session] = covered.get(session, 0.0) + weight
        for seq, turn in self.turns.items():
            before = self._before.get(seq)
            answers = coverage.get(before, 0.0) if before is not None and self.turns[before].row.asks else 0.0
            turn.signals["coverage"] = min(1.0, coverage.get(seq, 0.0))
            turn.signals["neighbours"] = min(1.0, context.get(seq, 0.0))
            turn.signals["passage"] = min(1.0, passage.get(seq, 0.0))
            turn.signals["session"] = min(1.0, sessions.get(turn.row.session, 0.0))
            turn.signals["session_coverage"] = min(1.0, covered.get(turn.row.session, 0.0))
            if turn.row.asks:
                turn.signals["asks"] = 1.0
            if answers:
                turn.signals["answers"] = min(1.0, answers)

    def by_meaning(self, cosines: Mapping[int, float]) -> None:
        """Judge turns by how near they are to the question in meaning."""
        best: dict[str, float] = {}
        for seq, cosine in cosines.items():
            session = self.turns[seq].row.session
            best[session] = max(best.get(session, 0.0), cosine)
        for seq, turn in self.turns.items():
            if seq in cosines:
                turn.weights = self._judgement.by_both
                beside = 2 * cosines.get(self._before.get(seq, -1), 0.0) + cosines.get(self._after.get(seq, -1), 0.0)
                turn.signals["cosine"] = max(0.0, cosines[seq])
                turn.signals["neighbours_cosine"] = max(0.0, beside / 3)
                turn.signals["session_cosine"] = best[turn.row.session]

    def by_time(self, spans: Sequence[Span], texts: Mapping[int, str]) -> None:
        """Judge turns by the times that were asked for.

        Args:
            spans: The times.
            texts: What was said in turns that may tell of another time than their own.
        """
        for seq, turn in self.turns.items():
            fits = nearness(turn.row.at, spans)
            if fits < 1.0 and seq in texts:
                fits = max(fits, nearness(turn.row.at, spans, told_in(texts[seq], turn.row.at)))
            if fits:
                turn.signals["time"] = fits

    def likely(self, most: int) -> list[int]:
        """Return the turns that fit best by what is known so far."""
        best = nlargest(most, self.turns.items(), key=lambda item: item[1].weights.raw(item[1].signals))
        return [seq for seq, _ in best]

    def rank(self, named: frozenset[str]) -> None:
        """Put the parts together.

        Args:
            named: The speakers whom the question names.
        """
        for turn in self.turns.values():
            turn.raw = turn.weights.raw(turn.signals)
        if len(named) != 1:
            return
        # Who tells of it is a question of turns, also where sessions are looked for.
        fits = {
            seq: (TURNS.by_words if "cosine" not in turn.signals else TURNS.by_both).raw(turn.signals)
            for seq, turn in self.turns.items()
        }
        likely = nlargest(_SHARERS, fits, key=fits.__getitem__)
        shares = [math.exp(fits[seq] - fits[likely[0]]) for seq in likely]
        theirs = sum(
            share for seq, share in zip(likely, shares, strict=True) if self.turns[seq].row.speaker not in named
        )
        told = 1.0 - _OTHERS * theirs / (sum(shares) or 1.0)
        for turn in self.turns.values():
            mine = turn.row.speaker in named
            turn.signals["speaker"] = float(mine)
            turn.signals["told_by"] = told
            if not mine:
                turn.raw += turn.weights.another


def _softened(share: float) -> float:
    if share <= _BEND:
        return max(0.0, share)
    rest = 1.0 - _BEND
    return 1.0 - rest * math.exp(-(share - _BEND) / rest)
