"""Which of the memories found answer a question: a sanity filter over whatever the search returned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lra.agent.offline.attributes import same_key
from lra.agent.offline.facts import read_stored
from lra.agent.offline.questions import Question, is_question
from lra.agent.offline.results import items, moment
from lra.agent.offline.words import stems

_TURN = "turn"
_MATCH = 0.6
_NEAR = 0.4
_NEAR_FOREIGN = 0.3
"""No word is left out as meaningless in languages whose words are not known here."""
_OTHERS_ASPECT = re.compile(
    r"(?:\w's|\bs') (?:name|job|home|age|work|favou?rite)|"
    r"\b(?:my|our|their|his|her) [\w ]{2,40}? (?:is|are|was) (?:called|named)",
    re.I,
)
_USERS_NAME = re.compile(
    r"\b(?i:my name|call me|i(?:'m| am) (?:called|named)|user'?s? name|name is)\b|\b[Ii](?:'m| am) [A-Z]\w"
)
_OWN_WORDS = (
    "I found nothing in memory", "I have nothing stored", "I will remember", "You told me", "In memory", "Last time",
    "This is what I have stored", "Nothing is stored about that", "Earlier in this conversation you said",
)  # fmt: skip
"""Answers of the offline model, which the record of conversations gives back as if they were news."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One memory, as a search returned it."""

    content: str
    kind: str = ""
    created_at: datetime | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What memory has to say to a question: matches, or else what comes near."""

    matches: tuple[Hit, ...] = ()
    near: tuple[Hit, ...] = ()


def read_hits(value: Any) -> list[Hit]:
    """Return the memories in a search result of whatever form, in its order and without repeats."""
    hits: dict[str, Hit] = {}
    for item in items(value):
        content = item.get("content") or item.get("text") or item.get("document")
        if not isinstance(content, str) or not content.strip():
            continue
        hit = Hit(
            content.strip(),
            str(item.get("kind") or item.get("memory_type") or ""),
            moment(item.get("created_at") or item.get("timestamp")),
            str(item.get("id") or ""),
        )
        same = hits.setdefault(_folded(hit), hit)
        if same.kind == _TURN and hit.kind != _TURN:
            hits[_folded(hit)] = hit
    return list(hits.values())


def _folded(hit: Hit) -> str:
    return " ".join(hit.content[:1000].split()).casefold()


def judge(question: Question, hits: Sequence[Hit]) -> Findings:
    """Keep the memories that speak of what was asked.

    A memory matches when it states the very attribute asked for, or shares most of the question's subjects. When
    the question names no subject ("where do I live?"), it must share the aspect and speak of the person.
    """
    graded: list[tuple[float, Hit]] = []
    for hit in hits:
        if not _is_echo(question, hit):
            graded.append((_grade(question, hit), hit))
    exact = [hit for grade, hit in graded if grade >= 3]
    exact.sort(key=lambda hit: hit.created_at.timestamp() if hit.created_at else 0.0, reverse=True)
    fitting = sorted((pair for pair in graded if _MATCH <= pair[0] < 3), key=lambda pair: -pair[0])
    if exact:
        return Findings(_distinct([*exact, *(hit for _, hit in fitting if question.subjects)]))
    if fitting:
        return Findings(_distinct([hit for _, hit in fitting]))
    near = _NEAR if question.text.isascii() else _NEAR_FOREIGN
    return Findings(near=_distinct([hit for grade, hit in graded if grade >= near]))


def _distinct(hits: list[Hit]) -> tuple[Hit, ...]:
    """Leave out lines of conversation that only repeat another hit, and put what was stored before what was said."""
    folded = [_folded(hit) for hit in hits]
    kept = [
        hit
        for at, hit in enumerate(hits)
        if hit.kind != _TURN or not any(other != folded[at] and other in folded[at] for other in folded)
    ]
    return tuple(sorted(kept, key=lambda hit: hit.kind == _TURN))


def about_person(hits: Sequence[Hit]) -> list[Hit]:
    """Keep what was stored on purpose; pieces of conversation only when there is nothing else."""
    told = [hit for hit in hits if not is_question(hit.content) and not hit.content.startswith(_OWN_WORDS)]
    return [hit for hit in told if hit.kind != _TURN] or told


def _is_echo(question: Question, hit: Hit) -> bool:
    """Whether a hit is only somebody asking, or an answer that there was nothing."""
    if hit.kind == _TURN and hit.content.startswith(_OWN_WORDS):
        return True
    if hit.content.strip().casefold() == question.text.casefold():
        return True
    return is_question(hit.content) and len(hit.content) < 400


def _grade(question: Question, hit: Hit) -> float:
    fact = read_stored(hit.content)
    stated = fact.key if fact else None
    if same_key(question.key, stated):
        return 3.0
    spoken = stems(hit.content)
    if question.subjects:
        return len(question.subjects & spoken) / len(question.subjects)
    if not question.aspects:
        return 0.0
    if question.key == "user.name":
        return 1.0 if _USERS_NAME.search(hit.content) and not _OTHERS_ASPECT.search(hit.content) else 0.0
    if stated is not None and question.key is not None:
        return 0.0
    return 1.0 if question.aspects & spoken and not _OTHERS_ASPECT.search(hit.content) else 0.0
