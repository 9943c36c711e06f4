"""Words that go together: what a question names, and the words in which people tell it; what is liked and what not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lra.agent.offline.denials import over
from lra.agent.offline.words import content_words, stem, stems

_KINDS = {
    "sibling": "brother sister twin",
    "parent": "mother father mum mom dad",
    "child": "son daughter kid kids baby",
    "children": "son daughter kid kids baby",
    "kid": "son daughter child children baby",
    "pet": "dog cat rabbit hamster parrot horse fish bird",
    "partner": "wife husband girlfriend boyfriend fiance fiancee married",
    "wife": "married",
    "husband": "married",
    "family": "mother father brother sister wife husband partner son daughter kids children",
    "car": "drive",
    "vehicle": "car bike motorbike drive",
    "allergy": "allergic intolerant intolerance",
    "meat": "pork beef chicken lamb",
    "diet": "vegetarian vegan",
}
"""Who asks for the first is answered by any of the others."""

_NEAR_TO = {
    "eat": "food meal dish cuisine breakfast lunch dinner snack dessert vegetarian vegan diet",
    "food": "eat dish meal cuisine cook",
    "drink": "coffee tea beer wine water juice beverage",
    "beverage": "drink coffee tea beer wine",
    "language": "speak fluent learning",
    "instrument": "play",
    "sport": "play",
    "game": "play",
    "music": "listen band song play",
    "band": "listen music",
    "film": "watch movie cinema",
    "movie": "watch film cinema",
    "book": "read reading author",
    "read": "book author novel",
    "watch": "film movie series",
    "hobby": "like love enjoy play collect",
    "bear": "birthday born",
    "birthday": "born bday",
    "country": "live from born",
    "city": "live from born moved",
    "town": "live from born moved",
    "heavy": "weigh weight kg kilos",
    "tall": "height cm",
    "expensive": "cost price",
    "company": "work",
    "profession": "work job engineer developer programmer teacher nurse doctor designer student scientist lawyer",
    "job": "engineer developer programmer teacher nurse doctor designer student scientist lawyer manager writer artist",
    "favourite": "fav favorite favourite",
    "colour": "color colour",
    "living": "work job",
    "age": "old years turned",
    "phon": "mobile number",
    "contact": "email phone number mobile address",
    "trip": "travel flight holiday vacation fly",
    "holiday": "vacation trip travel flight",
    "vacation": "holiday trip travel flight",
    "fly": "flight",
    "flight": "fly airport plane trip",
    "appointment": "dentist doctor meeting",
    "meet": "meeting appointment",
}
"""Who asks for the first may be answered by any of the others, in part."""

_KIND = {stem(word): frozenset(map(stem, others.split())) for word, others in _KINDS.items()}
_NEAR = {stem(word): frozenset(map(stem, others.split())) for word, others in _NEAR_TO.items()}
_WORDS = {stem(word): others.split() for word, others in (*_NEAR_TO.items(), *_KINDS.items())}
KINDS_OF_THINGS = frozenset(_NEAR)
"""Words that only say of what kind the answer is: a colour, a food, a language."""
_IN_KIND, _IN_PART = 0.7, 0.5

_LIKING = "like love favourite prefer enjoy"
_DENIED = (
    r"(?:(?:do|does|did|can|could|would|will)(?: not|n't)|cannot|can't|never|no longer|not)"
    r"(?: (?:really|ever|usually|even|much|at all))*"
)
_DISLIKES = re.compile(
    rf"\b(?:{_DENIED} (?:like|love|enjoy|prefer)\w*|hates?|dislikes?|detests?|can(?:no|')t stand)\b", re.I
)
_OVER = re.compile(r"\b(?:used to|no longer|formerly|(?:not|never|n't) [^.]{1,60} any ?more)\b", re.I)
_ASKS_BACK = re.compile(r"\b(?:used|did|was|were|ever|once|before|formerly|past|tell|told|said|know|about)\b", re.I)
_DENIES = re.compile(rf"\b{_DENIED} (?P<verb>[a-z]+)", re.I)
_WANTS = re.compile(
    r"\b(?:what|which|who|whom|where)\b.{0,60}?\b(?P<aux>(?:do|does|can|could|would|should)(?:n't| not)?|can't|cannot) "
    r"(?:i|we|you|he|she|they|my [a-z]+|our [a-z]+|[a-z]+)(?P<not> (?:not|never))? (?P<verb>[a-z]+)"
    r"(?: to (?P<other>[a-z]+))?",
    re.I,
)
_EMPTY = frozenset({"longer", "use", "formerly", "anymor"})
_LIKES = frozenset({"like", "favorite"})


def shared(subject: str, spoken: Iterable[str]) -> float:
    """Return how well words speak of a subject: 1 for the very word, less for one that goes with it.

    Args:
        subject: The stem of a word of the question.
        spoken: Stems of a memory.
    """
    words = frozenset(spoken)
    if subject in words:
        return 1.0
    if _KIND.get(subject, frozenset()) & words:
        return _IN_KIND
    return _IN_PART if _NEAR.get(subject, frozenset()) & words else 0.0


def related(text: str) -> str:
    """Return words to search by that are not in a question but may be in its answer; empty when there are none."""
    words = content_words(text)
    more = [other for word in words for other in _WORDS.get(stem(word), ())]
    if "like" in map(stem, words):
        more += ("hate dislike don't like" if wants(text)[1] else _LIKING).split()
    return " ".join(word for word in dict.fromkeys(more) if word not in words)


def liked(text: str) -> frozenset[str]:
    """Return the stems of a text, in which not to like is to dislike."""
    found = stems(text)
    if _DISLIKES.search(text) or ("like" in found and wants(text)[1]):
        found = (found - _LIKES) | {"dislike"}
    return found


def wants(question: str) -> tuple[frozenset[str], bool]:
    """Return the stems of the verbs that a question asks about, and whether it asks for what is not so.

    Only open questions count: whoever asks whether they like olives is answered by a no as well.
    """
    if not (match := _WANTS.search(question)):
        return frozenset(), False
    verbs = frozenset(stem(verb.lower()) for verb in (match["verb"], match["other"]) if verb)
    denied = bool(match["not"]) or match["aux"].lower().endswith(("n't", "not"))
    return verbs, denied != ("dislike" in verbs)


def withdrawn(newer: str, older: str) -> bool:
    """Whether one statement only says that another one is not so, or no longer."""
    if not (_OVER.search(newer) or _DENIES.search(newer)) or _OVER.search(older) or _DENIES.search(older):
        return False
    was = over(newer) or _OVER.sub(lambda match: match[0].lower().replace("any more", "").replace("anymore", ""), newer)
    said = stems(was) - _EMPTY
    return bool(said) and said <= stems(older)


def contrary(question: str, told: str) -> bool:
    """Whether a memory says of another thing that it is not so, where a question asks for what is, or the reverse.

    Args:
        question: The question.
        told: The memory.
    """
    verbs, denied = wants(question)
    if _OVER.search(told) and not denied and not _ASKS_BACK.search(question):
        return True
    if not verbs:
        return False
    denials = {stem(match["verb"].lower()) for match in _DENIES.finditer(told)}
    if _DISLIKES.search(told):
        denials |= {"like", "dislike"}
    about = verbs | ({"like"} if "dislike" in verbs else frozenset())
    return not (denials & about) if denied else bool(denials & about)
