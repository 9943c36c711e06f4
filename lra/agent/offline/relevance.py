"""Which of the memories found answer a question: a sanity filter over whatever the search returned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from lra.agent.offline.attributes import same_key
from lra.agent.offline.denials import is_profession, over
from lra.agent.offline.facts import read_stored
from lra.agent.offline.intents import ORDERS, parse
from lra.agent.offline.kin import KINDS_OF_THINGS, contrary, liked, shared, wants, withdrawn
from lra.agent.offline.questions import Question, is_question
from lra.agent.offline.results import items, moment
from lra.agent.offline.sentences import statements
from lra.agent.offline.words import stem

_PERSON = re.compile(r"^You: (.+)$", re.M)
_OLD = re.compile("“([^”]*)” no longer holds")
_MATCH = 0.6
_NEAR = 0.4
_NEAR_FOREIGN = 0.3
"""No word is left out as meaningless in languages whose words are not known here."""
_LIKED = 0.25
_ASKED = frozenset({"like", "dislike", "live", "work"})
_TASTES = frozenset({"like", "dislike"})
_LIKED_SO = re.compile(
    r"(?:i|we|the user) (?:(?:really|also|do|don't|do not|never|can't|cannot) ){0,2}"
    r"(?:like|love|enjoy|hate|dislike|detest|prefer|stand)s?\b",
    re.I,
)
_ORIGIN = re.compile(
    r"(?:i|we|the user)(?:'m| am| is)?(?: an? [\w -]{1,40}?)?(?: originally)? "
    r"(?:from|comes? from|was born in|grew up in)\b",
    re.I,
)
_AM_A = re.compile(r"(?:i(?:'m| am)|the user is) an? ", re.I)
_AM_I = re.compile(r"am i\b", re.I)
_OTHER_IS = re.compile(r"(?!i\b)(?:my |our )?[\w' -]{1,40}? (?:is|are|was)\b", re.I)
_OTHER_DOES = re.compile(
    r"(?!(?:I|i|We|we|The user|the user)\b)(?:(?:[Mm]y|[Oo]ur|[Tt]he|[Hh]is|[Hh]er) [\w' -]{1,40}?|"
    r"[A-Z][\w'-]*(?: [A-Z][\w'-]*)?) (?P<verb>[a-z]+s|live|work|like|love|hate|prefer|use)\b"
)
_OF_ME = re.compile(r"\b(?:i|we|my|our)\b", re.I)
_NAMES_IT = re.compile(
    r"\b(?:is|are|was|were|and)(?: now)? (?:dr\.? |mr\.? |mrs\.? |ms\.? )?[A-Z]|[,:] [A-Z]|"
    r"^[A-Z][\w'-]+(?: [A-Z][\w'-]+)* (?:is|are|was) (?:my|our)\b|[^\W\d_a-zA-Z]|\b[Dd]r\.? [A-Z]"
)
_SHOWN_BY = {
    "work": re.compile(r"\b(?:is|was|am|are|'m|as) an? |\b(?:at|for) [A-Z]", re.I),
    "live": re.compile(r"\b(?:in|at|from|near|to) [A-Z\d]|\baddress\b|[^\W\d_a-zA-Z]"),
    "old": re.compile(r"\d|\bbirthday\b|\bborn\b", re.I),
}
"""By what else than its words a memory may tell where somebody lives, what they do, or how old they are."""
_IN_COMPANY = re.compile(r"\bwho(?:m)?\b.*\bwith\b|\bwith who", re.I)
_OPPOSITES = (("like", "dislike"), ("dislike", "like"))
_LIKES = frozenset({"like", "favorite"})
_MOST_MEANT = 2
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
    "In a conversation", "Before this, ", "You once told me", "I could not store",
)  # fmt: skip
"""Answers of the offline model, which the record of conversations gives back as if they were news."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One memory, as a search returned it."""

    content: str
    kind: str = ""
    created_at: datetime | None = None
    by_meaning: bool = False
    """Whether it was found by its meaning, sharing no word with the question."""
    outdated: bool = False
    """Whether it was said before what holds now took its place."""
    told: bool = False
    """Whether it was kept in a conversation, as what the person said there."""
    denied: bool = False
    """Whether something newer says that it is not so."""

    @property
    def is_talk(self) -> bool:
        """Whether it is a piece or a summary of conversation, and not something kept on purpose."""
        return self.kind in {"turn", "summary", "said"}

    @property
    def age_rank(self) -> float:
        """Higher for what is newer."""
        return self.created_at.timestamp() if self.created_at else 0.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What memory has to say to a question: matches, or else what comes near."""

    matches: tuple[Hit, ...] = ()
    near: tuple[Hit, ...] = ()
    likely: bool = False
    """Whether what comes near may well answer, which no rule can tell for sure."""


def read_hits(value: Any) -> list[Hit]:
    """Return the memories in a search result of whatever form, in its order and without repeats.

    A summary that quotes ("You: …") counts as what the person said in it; what was said counts less than what was
    kept, and who spoke a line of conversation is not known.
    """
    hits: dict[str, Hit] = {}
    for item in items(value):
        content = item.get("content") or item.get("text") or item.get("document")
        if not isinstance(content, str) or not content.strip():
            continue
        kind = str(item.get("kind") or item.get("memory_type") or "")
        at = moment(item.get("created_at") or item.get("timestamp"))
        said = _PERSON.findall(content[:2000]) if kind == "summary" else []
        meant = item.get("match") == "meaning"
        changed = str(item.get("changed") or "").casefold()
        told = kind not in {"turn", "summary"} and bool(item.get("session") or item.get("session_id"))
        lines = [part for line in said for part in _parted(Hit(line, "said", at), changed)]
        whole = Hit(content.strip(), kind, at, meant, outdated=bool(changed), told=told)
        for hit in lines or _parted(whole, changed):
            same = hits.setdefault(_folded(hit), hit)
            if same.is_talk and not hit.is_talk:
                hits[_folded(hit)] = hit
    return list(hits.values())


def _parted(hit: Hit, changed: str) -> list[Hit]:
    """Take apart what says several things of which some have changed, so that each is told as it is."""
    if not changed or not hit.is_talk:
        return [hit]
    parts = statements(hit.content[:2000])
    olds = [_is_old(part, changed) for part in parts]
    if len(parts) > 1 and any(olds) and not all(olds):
        return [replace(hit, content=part, outdated=old) for part, old in zip(parts, olds, strict=True)]
    return [replace(hit, outdated=hit.outdated or _is_old(hit.content, changed))]


def _is_old(line: str, changed: str) -> bool:
    """Whether a line of a summary says, maybe beside other things, what is said to hold no longer."""
    olds = [_core(old) for old in _OLD.findall(changed)]
    return any(old and (_core(line) in old or old in _core(line)) for old in olds)


def _core(line: str) -> str:
    return line.strip().rstrip(".!").casefold()


def _folded(hit: Hit) -> str:
    return " ".join(hit.content[:1000].split()).casefold()


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
            graded.append((_grade(question, hit), hit))
    if _AM_I.match(question.text):
        # What somebody else is does not say what I am.
        graded = [(_NEAR if grade < 3 and _OTHER_IS.match(hit.content) else grade, hit) for grade, hit in graded]
    exact = sorted((hit for grade, hit in graded if grade >= 3), key=lambda hit: -hit.age_rank)
    # A value that was kept stands for itself; what was said of it may be outdated.
    exact = [hit for hit in exact if not hit.is_talk] or exact
    fitting = sorted((pair for pair in graded if _MATCH <= pair[0] < 3), key=lambda pair: (-pair[0], -pair[1].age_rank))
    against = [
        hit
        for _, hit in fitting
        if contrary(question.text, hit.content) or (not exact and _leaves_unnamed(question, hit))
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
    if likely := [hit for grade, hit in graded if grade >= _NEAR and hit not in against and _is_likely(question, hit)]:
        return Findings(near=_distinct(likely), likely=True)
    near = _NEAR if question.text.isascii() else _NEAR_FOREIGN
    close = [hit for grade, hit in graded if near <= grade < _MATCH]
    # Whoever searched by meaning has judged already; words have nothing to say here.
    meant = [hit for _, hit in graded if hit.by_meaning and not hit.is_talk][:_MOST_MEANT]
    return Findings(near=_distinct([*against, *close] or meant))


def _once(question: Question, hits: Sequence[Hit], until: datetime | None) -> tuple[Hit, ...]:
    """Return what was told of something and has changed since; of a certain time, what had been told by then."""
    told = [hit for hit in hits if not _is_echo(question, hit) and over(hit.content) is None]
    told = [hit for hit in told if _grade(question, hit) >= (3.0 if question.key else _MATCH)]
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
    folded = [_folded(hit) for hit in hits]
    stored = {words for words, hit in zip(folded, hits, strict=True) if not hit.is_talk}
    kept = [
        hit
        for at, hit in enumerate(hits)
        if not hit.is_talk
        or not (any(other != folded[at] and other in folded[at] for other in folded) or _told(hit.content) <= stored)
    ]
    # What has been replaced is told only where nothing holds that could be.
    kept = [hit for hit in kept if not hit.outdated] or kept
    return tuple(sorted(kept, key=lambda hit: hit.is_talk))


def _told(line: str) -> frozenset[str]:
    """Return what would be stored of a line of conversation, or the line where nothing would."""
    told = [fact.content for intent in parse(line) for fact in intent.facts] or [line]
    return frozenset(_folded(Hit(each)) for each in told)


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


def _grade(question: Question, hit: Hit) -> float:
    fact = read_stored(hit.content)
    stated = fact.key if fact else None
    if same_key(question.key, stated):
        # That something is over says nothing of what is.
        return 3.0 if over(hit.content) is None else 1.0
    if question.key == "user.origin":
        return 1.0 if _ORIGIN.match(hit.content) else 0.0
    spoken = liked(hit.content)
    return _by_subject(question, hit, spoken) if question.subjects else _by_aspect(question, hit, spoken, stated)


def _leaves_unnamed(question: Question, hit: Hit) -> bool:
    """Whether a memory says only that there is one, or something else of them, where it is asked what it is called."""
    if "name" not in question.aspects or question.key == "user.name" or "name" in liked(hit.content):
        return False
    if _NAMES_IT.search(hit.content):
        return False
    words = hit.content.split()
    behind = [word for before, word in pairwise(words) if stem(before.strip(",:").casefold()) in question.subjects]
    return not any(word[:1].isupper() for word in behind)


def _by_subject(question: Question, hit: Hit, spoken: frozenset[str]) -> float:
    grade = sum(shared(subject, spoken) for subject in question.subjects) / len(question.subjects)
    if 0 < grade < 1 and "like" in question.aspects and not spoken.isdisjoint(_LIKES):
        # Of food there is much to tell; what is asked is which one is liked.
        return min(grade + _LIKED, 1.0)
    if grade and (wanted := question.aspects & frozenset(_SHOWN_BY) - spoken):
        # Something else of the same person is no answer.
        shown = all(_SHOWN_BY[aspect].search(hit.content) for aspect in wanted)
        return grade if shown else min(grade, _NEAR)
    if grade == 0 and question.aspects & _TASTES & spoken and wants(question.text)[0] and _LIKED_SO.match(hit.content):
        # Of music or food one likes jazz or noodles: which of them a word is, no rule knows.
        return _NEAR
    return grade


def _by_aspect(question: Question, hit: Hit, spoken: frozenset[str], stated: str | None) -> float:
    if not question.aspects:
        return 0.0
    if question.key == "user.name":
        return 1.0 if _USERS_NAME.search(hit.content) and not _OTHERS_ASPECT.search(hit.content) else 0.0
    if question.key == "user.job" and _AM_A.match(hit.content):
        return 1.0 if is_profession(hit.content) else _NEAR
    if (question.key, stated) == ("user.age", "user.birthday"):
        return _NEAR
    if stated is not None and question.key is not None:
        return 0.0
    if any(one in question.aspects and other in spoken for one, other in _OPPOSITES):
        return _NEAR
    if not question.aspects & spoken or _OTHERS_ASPECT.search(hit.content):
        return 0.0
    # Where somebody else lives does not say where I do.
    other = _OTHER_DOES.match(hit.content) if _OF_ME.search(question.text) else None
    return _NEAR if other and stem(other["verb"]) in question.aspects else 1.0
