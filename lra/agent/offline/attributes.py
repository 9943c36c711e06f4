"""Attributes of people and things: the keys under which a value is kept until a newer one replaces it."""

from __future__ import annotations

import re

from lra.agent.offline.words import stem, word_set

ATTRIBUTES = word_set(
    "name surname nickname birthday birthdate email e-mail mail phone number address city country timezone age job "
    "employer company occupation profession language nationality day date time deadline colour color size weight "
    "height username handle password passphrase pin code budget url port version branch dentist doctor editor shell "
    "pronouns boss manager anniversary iban hometown zone title room desk"
)
VAGUE = word_set("time day date number size code title age name version room port mail")
FAVOURITE = frozenset({"favourite", "favorite", "preferred", "default"})
_CALLED = re.compile(r"(?:called|named|by the name of) ", re.I)
_STATE = re.compile(
    r"(?:broken|lost|dead|gone|sick|ill|late|wrong|bad|great|good|nice|fine|ok|missing|stolen|down|full|empty|old|new|not|"
    r"too|very|so|really|always|never)\b",
    re.I,
)
_SECRET = re.compile(
    r"\b(?:pass ?(?:word|phrase|code)s?|pin(?: code| number)?|secret|(?:api|private|access|secret) key|token|cvv|"
    r"credit card)\b",
    re.I,
)


def attribute_key(owner: str, what: str, value: str = "") -> str | None:
    """Return the key under which an attribute is kept, or None when the words name no clear attribute.

    Args:
        owner: `my`, `our` or a name.
        what: The words between the owner and the verb, such as `favourite colour` or `dog's name`.
        value: What was said of it; `called Rex` makes it a name.
    """
    words = re.sub(r"[^\w ]", " ", what.lower().replace("'s ", " ").replace("e-mail", "email")).split()
    words = [word for word in words if word not in {"new", "own", "full", "current", "the", "a"}]
    if not words or _STATE.match(value):
        return None
    if _CALLED.match(value) and words[-1] != "name":
        words.append("name")
    if len(words) == 1 and words[0] in VAGUE - {"name", "age", "title"}:
        return None
    marked = not FAVOURITE.isdisjoint(words)
    if not (marked or words[-1] in ATTRIBUTES):
        return None
    scope = {"my": "user", "i": "user", "our": "our", "the": "our"}.get(owner.lower(), owner.lower())
    return f"{scope}.{'_'.join(words)}"


def same_key(one: str | None, other: str | None) -> bool:
    """Whether two keys name the same attribute, spelling and number aside."""
    if one is None or other is None:
        return False
    return one == other or [stem(w) for w in re.split(r"[._]", one)] == [stem(w) for w in re.split(r"[._]", other)]


def is_secret(text: str) -> bool:
    """Whether a statement gives away something like a password."""
    return _SECRET.search(text[:1000]) is not None
