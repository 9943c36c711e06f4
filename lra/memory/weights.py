"""How much each signal of a turn counts.

Fitted on questions about conversations, each of which was judged by weights from all the others (see the decision
record); they hardly differ from one to the other, and are the same for every record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """What the signals of a turn are worth; `whole` is about what a turn gathers that answers the question."""

    whole: float
    coverage: float
    """The question's words that it holds."""
    neighbours: float
    """Those that it or the turns beside it hold."""
    passage: float
    """How often they occur around it."""
    session: float
    """How often they occur in its conversation."""
    session_coverage: float
    """Those that its conversation holds."""
    answers: float
    """Those in a question just before it."""
    proximity: float
    """How near to each other they are that belong together."""
    time: float
    """How well it fits the time that was asked for."""
    asks: float
    """That it is a question itself."""
    another: float
    """That somebody else said it than the one who is asked about."""
    cosine: float = 0.0
    """How near it is in meaning."""
    neighbours_cosine: float = 0.0
    """How near the turns beside it are."""
    session_cosine: float = 0.0
    """How near the nearest turn of its conversation is."""

    def raw(self, signals: Mapping[str, float]) -> float:
        """Put the signals together."""
        get = signals.get
        return (
            self.coverage * get("coverage", 0.0)
            + self.neighbours * get("neighbours", 0.0)
            + self.passage * get("passage", 0.0)
            + self.session * get("session", 0.0)
            + self.session_coverage * get("session_coverage", 0.0)
            + self.answers * get("answers", 0.0)
            + self.proximity * get("proximity", 0.0)
            + self.time * get("time", 0.0)
            + self.asks * get("asks", 0.0)
            + self.another * (get("speaker") == 0.0)
            + self.cosine * get("cosine", 0.0)
            + self.neighbours_cosine * get("neighbours_cosine", 0.0)
            + self.session_cosine * get("session_cosine", 0.0)
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """How something is judged by words alone, and where it has a vector."""

    by_words: Weights
    by_both: Weights


TURNS = Judgement(
    by_words=Weights(
        whole=12.5,
        coverage=1.3,
        neighbours=5.3,
        passage=2.2,
        session=1.9,
        session_coverage=1.4,
        answers=2.6,
        proximity=0.5,
        time=4.3,
        asks=-1.0,
        another=-1.0,
    ),
    by_both=Weights(
        whole=14.5,
        coverage=0.3,
        neighbours=5.0,
        passage=0.8,
        session=0.9,
        session_coverage=1.3,
        answers=2.0,
        proximity=0.5,
        time=4.0,
        asks=-1.3,
        another=-1.0,
        cosine=3.9,
        neighbours_cosine=1.2,
        session_cosine=3.0,
    ),
)
"""One turn."""

SESSIONS = Judgement(
    by_words=Weights(
        whole=10.5,
        coverage=0.7,
        neighbours=3.4,
        passage=3.4,
        session=2.7,
        session_coverage=1.3,
        answers=1.1,
        proximity=1.5,
        time=4.4,
        asks=-0.4,
        another=-0.65,
    ),
    by_both=Weights(
        whole=13.0,
        coverage=0.1,
        neighbours=3.4,
        passage=1.3,
        session=1.5,
        session_coverage=1.3,
        answers=0.4,
        proximity=1.7,
        time=4.3,
        asks=-0.8,
        another=-0.65,
        cosine=3.7,
        neighbours_cosine=1.9,
        session_cosine=3.3,
    ),
)
"""A whole conversation, by its best turn."""
