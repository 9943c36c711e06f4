"""How well a memory answers a question, by rules."""

from __future__ import annotations

import re
from itertools import pairwise

from lra.agent.offline.attributes import same_key
from lra.agent.offline.denials import is_profession, over
from lra.agent.offline.facts import read_stored
from lra.agent.offline.hits import Hit
from lra.agent.offline.kin import liked, shared, wants
from lra.agent.offline.questions import Question
from lra.agent.offline.words import stem

MATCH = 0.6
"""From here a memory is taken for an answer."""
NEAR = 0.4
"""From here it is told as what comes closest."""
_LIKED = 0.25
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
    "work": re.compile(r"\b(?:is|was|am|are|'m|as) an? |\b(?:at|for) [A-Z]|[^\W\d_a-zA-Z]", re.I),
    "live": re.compile(r"\b(?:in|at|from|near|to) [A-Z\d]|\baddress\b|[^\W\d_a-zA-Z]"),
    "old": re.compile(r"\d|\bbirthday\b|\bborn\b|[^\W\d_a-zA-Z]", re.I),
}
"""By what else than its words a memory may tell where somebody lives, what they do, or how old they are."""
_OPPOSITES = (("like", "dislike"), ("dislike", "like"))
_LIKES = frozenset({"like", "favorite"})
_OTHERS_ASPECT = re.compile(
    r"(?:\w's|\bs') (?:name|job|home|age|work|favou?rite)|"
    r"\b(?:my|our|their|his|her) [\w ]{2,40}? (?:is|are|was) (?:called|named)",
    re.I,
)
_USERS_NAME = re.compile(
    r"\b(?i:my name|call me|i(?:'m| am) (?:called|named)|user'?s? name|name is)\b|\b[Ii](?:'m| am) [A-Z]\w"
)


def grade_of(question: Question, hit: Hit) -> float:
    """Return how well a memory answers: 3 where it states the very attribute, from `MATCH` where it fits."""
    fact = read_stored(hit.content)
    stated = fact.key if fact else None
    if same_key(question.key, stated):
        # That something is over says nothing of what is.
        return 3.0 if over(hit.content) is None else 1.0
    if question.key == "user.origin":
        return 1.0 if _ORIGIN.match(hit.content) else 0.0
    spoken = liked(hit.content)
    return _by_subject(question, hit, spoken) if question.subjects else _by_aspect(question, hit, spoken, stated)


def leaves_unnamed(question: Question, hit: Hit) -> bool:
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
        return grade if shown else min(grade, NEAR)
    if grade == 0 and question.aspects & _TASTES & spoken and wants(question.text)[0] and _LIKED_SO.match(hit.content):
        # Of music or food one likes jazz or noodles: which of them a word is, no rule knows.
        return NEAR
    return grade


def _by_aspect(question: Question, hit: Hit, spoken: frozenset[str], stated: str | None) -> float:
    if not question.aspects:
        return 0.0
    if question.key == "user.name":
        return 1.0 if _USERS_NAME.search(hit.content) and not _OTHERS_ASPECT.search(hit.content) else 0.0
    if question.key == "user.job" and _AM_A.match(hit.content):
        return 1.0 if is_profession(hit.content) else NEAR
    if (question.key, stated) == ("user.age", "user.birthday"):
        return NEAR
    if stated is not None and question.key is not None:
        return 0.0
    if any(one in question.aspects and other in spoken for one, other in _OPPOSITES):
        return NEAR
    if not question.aspects & spoken or _OTHERS_ASPECT.search(hit.content):
        return 0.0
    # Where somebody else lives does not say where I do.
    other = _OTHER_DOES.match(hit.content) if _OF_ME.search(question.text) else None
    return NEAR if other and stem(other["verb"]) in question.aspects else 1.0
