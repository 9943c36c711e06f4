"""Which of the memories found answer a question: a sanity filter over whatever the search returned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from lra.agent.offline.attributes import same_key
from lra.agent.offline.denials import over
from lra.agent.offline.facts import read_stored
from lra.agent.offline.grades import MATCH, NEAR, grade_of, leaves_unnamed
from lra.agent.offline.hits import Findings, Hit, folded
from lra.agent.offline.intents import ORDERS, parse
from lra.agent.offline.kin import KINDS_OF_THINGS, contrary, liked, shared, withdrawn
from lra.agent.offline.questions import Question, is_question

_NEAR_FOREIGN = 0.3
"""No word is left out as meaningless in languages whose words are not known here."""
_ASKED = frozenset({"like", "dislike", "live", "work"})
_AM_I = re.compile(r"am i\b", re.I)
_OTHER_IS = re.compile(r"(?!i\b)(?:my |our )?[\w' -]{1,40}? (?:is|are|was)\b", re.I)
_IN_COMPANY = re.compile(r"\bwho(?:m)?\b.*\bwith\b|\bwith who", re.I)
_MOST_MEANT = 2
_OWN_WORDS = (
    "I found nothing in memory", "I have nothing stored", "I will remember", "You told me", "In memory", "Last time",
    "This is what I have stored", "Nothing is stored about that", "Earlier in this conversation you said",
    "In a conversation", "Before this, ", "You once told me", "I could not store",
    "This may answer it", "I know only what holds now", "Your first message here", "I see only the latest part of",
    "I do not calculate", "That looks like a secret", "I do not repeat",
)  # fmt: skip
"""Answers of the offline model, which the record of conversations gives back as if they were news."""


def judge(question: Question, hits: Sequence[Hit], *, until: datetime | None = None) -> Findings:
    """Keep the memories that speak of what was asked.

    A memory matches when it states the very attribute asked for, or shares most of the question's subjects. When
    the question names no subject ("where do I live?"), it must share the aspect and speak of the person.

    Args:
        question: The question.
        hits: What a search found.
        until: The moment at which it is asked how things were.
    """
    if (until is not None or question.past) and (once := _once(question, hits, until)):
        return Findings(once)
    graded: list[tuple[float, Hit]] = []
    for hit in _in_force(hits):
        if not _is_echo(question, hit):
            graded.append((grade_of(question, hit), hit))
    if _AM_I.match(question.text):
        # What somebody else is does not say what I am.
        graded = [(NEAR if grade < 3 and _OTHER_IS.match(hit.content) else grade, hit) for grade, hit in graded]
    exact = sorted((hit for grade, hit in graded if grade >= 3), key=lambda hit: -hit.age_rank)
    # A value that was kept stands for itself; what was said of it may be outdated.
    exact = [hit for hit in exact if not hit.is_talk] or exact
    fitting = sorted((pair for pair in graded if MATCH <= pair[0] < 3), key=lambda pair: (-pair[0], -pair[1].age_rank))
    against = [
        hit
        for _, hit in fitting
        if contrary(question.text, hit.content) or (not exact and leaves_unnamed(question, hit))
    ]
    fitting = [pair for pair in fitting if pair[1] not in against]
    if all(hit.outdated for hit in exact) and not all(hit.outdated for _, hit in fitting):
        # What holds is the answer, whatever was said before in just the words of the question.
        exact = []
    if exact:
        return Findings(_distinct([*exact, *(hit for _, hit in fitting if question.subjects)]))
    if fitting:
        # Of what is about the same, the liking or living that was asked for comes first.
        asked = question.aspects & _ASKED
        found = _distinct([hit for _, hit in fitting])
        company = _IN_COMPANY.search(question.text) is not None
        return Findings(
            tuple(
                sorted(
                    found, key=lambda hit: (company and " with " not in hit.content, not asked <= liked(hit.content))
                )
            )
        )
    if likely := [hit for grade, hit in graded if grade >= NEAR and hit not in against and _is_likely(question, hit)]:
        return Findings(near=_distinct(likely), likely=True)
    near = NEAR if question.text.isascii() else _NEAR_FOREIGN
    close = [hit for grade, hit in graded if near <= grade < MATCH]
    # Whoever searched by meaning has judged already; words have nothing to say here.
    meant = [hit for _, hit in graded if hit.by_meaning and not hit.is_talk][:_MOST_MEANT]
    return Findings(near=_distinct([*against, *close] or meant))


def _once(question: Question, hits: Sequence[Hit], until: datetime | None) -> tuple[Hit, ...]:
    """Return what was told of something and has changed since; of a certain time, what had been told by then."""
    told = [hit for hit in hits if not _is_echo(question, hit) and over(hit.content) is None]
    told = [hit for hit in told if grade_of(question, hit) >= (3.0 if question.key else MATCH)]
    if until is None:
        told = [hit for hit in told if hit.outdated]
    else:
        told = [hit for hit in told if hit.created_at is not None and hit.created_at <= until]
    latest = sorted(told, key=lambda hit: (-hit.age_rank, hit.is_talk))
    return tuple(latest[:1] if until is not None else latest)


def _is_likely(question: Question, hit: Hit) -> bool:
    """Whether nothing is missing in a memory but the word for what kind of thing it speaks of."""
    spoken = liked(hit.content)
    if _AM_I.match(question.text) and _OTHER_IS.match(hit.content):
        return False
    if not question.subjects or (question.aspects and not question.aspects <= spoken):
        return False
    missing = [subject for subject in question.subjects if not shared(subject, spoken)]
    return all(subject in KINDS_OF_THINGS for subject in missing)


def _in_force(hits: Sequence[Hit]) -> list[Hit]:
    """Leave out what a newer memory says is not so any more."""
    return [
        hit
        for hit in hits
        if not any(withdrawn(other.content, hit.content) for other in hits if other.age_rank > hit.age_rank)
    ]


def _distinct(hits: list[Hit]) -> tuple[Hit, ...]:
    """Leave out lines of conversation that only repeat another hit, and put what was stored before what was said."""
    texts = [folded(hit) for hit in hits]
    stored = {words for words, hit in zip(texts, hits, strict=True) if not hit.is_talk}
    kept = [
        hit
        for at, hit in enumerate(hits)
        if not hit.is_talk
        or not (any(other != texts[at] and other in texts[at] for other in texts) or _told(hit.content) <= stored)
    ]
    # What has been replaced is told only where nothing holds that could be.
    kept = [hit for hit in kept if not hit.outdated] or kept
    return tuple(sorted(kept, key=lambda hit: hit.is_talk))


def _told(line: str) -> frozenset[str]:
    """Return what would be stored of a line of conversation, or the line where nothing would."""
    told = [fact.content for intent in parse(line) for fact in intent.facts] or [line]
    return frozenset(folded(Hit(each)) for each in told)


def about_person(hits: Sequence[Hit]) -> list[Hit]:
    """Keep what was stored on purpose, all of it, and of what was said only statements that are not stored."""
    holds = _in_force(hits)
    stored = [replace(hit, denied=hit not in holds) for hit in hits if not hit.is_talk]
    keys = [fact.key for hit in stored if (fact := read_stored(hit.content))]
    for hit in sorted((hit for hit in holds if hit.is_talk), key=lambda hit: -hit.age_rank):
        fact = read_stored(hit.content)
        if (
            fact is None
            or hit.outdated
            or hit.content.startswith(_OWN_WORDS)
            or any(same_key(fact.key, key) for key in keys)
        ):
            continue
        keys.append(fact.key)
        stored.append(hit)
    return list(_distinct(stored))


def _is_order(hit: Hit) -> bool:
    """Whether a line of conversation only asked for something to be done, such as to cancel a task or to forget."""
    return {intent.kind for intent in parse(hit.content)} <= ORDERS


def _is_echo(question: Question, hit: Hit) -> bool:
    """Whether a hit is only somebody asking, or an answer that there was nothing."""
    if hit.is_talk and (hit.content.startswith(_OWN_WORDS) or _is_order(hit)):
        return True
    if hit.content.strip().casefold() == question.text.casefold():
        return True
    return is_question(hit.content) and len(hit.content) < 400
