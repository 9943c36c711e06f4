"""Attributes of people and things: the keys under which a value is kept until a newer one replaces it."""

from __future__ import annotations

import re

from lra.agent.offline.spelling import spelt
from lra.agent.offline.words import stem, word_set

ATTRIBUTES = word_set(
    "name surname nickname birthday birthdate email e-mail mail phone number address city country timezone age job "
    "employer company occupation profession language nationality day date time deadline colour color size weight "
    "height username handle password passphrase pin code budget url port version branch dentist doctor editor shell "
    "pronouns boss manager anniversary iban hometown zone title room desk rent salary income"
)
DATED = word_set("appointment meeting interview exam standup sync flight lesson party wedding checkup")
"""What has one date or time; words before it say which one is meant."""
_WHEN = re.compile(
    r"(?:on|at|in|this|next|from|before|after|today|tomorrow|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)day|\d)\b",
    re.I,
)
VAGUE = word_set("time day date number size code title age name version room port mail")
FAVOURITE = frozenset({"favourite", "favorite", "fav", "fave", "preferred", "default"})
ROLES = word_set(
    "boss manager dentist doctor landlord wife husband spouse partner girlfriend boyfriend fiance fiancee "
    "mother father mum mom dad"
)
"""Of whom there is one at a time: who it is says the same as what they are called."""
_NAMED = re.compile(
    r"(?:called|named|by the name of) |(?!(?:an?|the|in|on|at|my|our|very|so|too|not|always|never|norwegian|english|"
    r"german|french|spanish|italian|american|british|dutch|danish|swedish|polish|chinese|japanese|indian|irish|swiss)\b)"
    r"(?:(?:dr|mr|mrs|ms|prof)\.? )?[^\W\d_]",
    re.I,
)
_OF = re.compile(r"(?P<what>[^,]{1,60}?) (?:of|for) (?P<whose>(?:my|our|the)\b )?(?P<owner>[^,]{2,60})", re.I)
_CALLED = re.compile(r"(?:called|named|by the name of) ", re.I)
_SPELLINGS = {
    "favorite": "favourite", "fav": "favourite", "fave": "favourite", "color": "colour", "bday": "birthday",
    "birthdate": "birthday", "mobile": "phone", "cellphone": "phone",
}  # fmt: skip
"""One key for one attribute, however it is spelt."""
_NOBODY = frozenset({"my", "our", "the", "i"})
_SPELT = ATTRIBUTES | FAVOURITE
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


def turned(what: str) -> str:
    """Return "the code of the shed" as "shed code", where it names an attribute."""
    match = _OF.fullmatch(what)
    if match is None or match["what"].split()[-1].lower() not in ATTRIBUTES:
        return what
    return f"{match['owner']} {match['what']}"


def attribute_key(owner: str, what: str, value: str = "") -> str | None:
    """Return the key under which an attribute is kept, or None when the words name no clear attribute.

    Args:
        owner: `my`, `our` or a name.
        what: The words between the owner and the verb, such as `favourite colour` or `dog's name`.
        value: What was said of it; `called Rex` makes it a name.
    """
    if (match := _OF.fullmatch(what)) and match["whose"] and match["what"].split()[-1].lower() in ATTRIBUTES:
        owner = match["whose"].strip() if match["whose"].strip().lower() != "the" else owner
    words = re.sub(r"[^\w ]", " ", turned(what).lower().replace("'s ", " ").replace("e-mail", "email")).split()
    words = [word for word in words if word not in {"new", "own", "full", "current", "the", "a"}]
    if not words or _STATE.match(value):
        return None
    if _CALLED.match(value) and words[-1] != "name":
        words.append("name")
    words = _canonical([_SPELLINGS.get(word) or spelt(word, _SPELT) for word in words])
    if words == ["number"] and owner.lower() not in _NOBODY:
        words = ["phone", "number"]
    if words[-1] in ROLES and value and not _is_name(value):
        return None
    if words[-2:] == ["phone", "number"] and value and not re.search(r"\d", value):
        return None
    if len(words) == 1 and owner.lower() in _NOBODY and words[0] in VAGUE - {"name", "age", "title"}:
        return None
    if (len(words) > 1 or owner.lower() == "our") and words[-1] in DATED and (not value or _WHEN.match(value)):
        words.append("date")
    marked = not FAVOURITE.isdisjoint(words)
    if not (marked or words[-1] in ATTRIBUTES or words[-1] in ROLES):
        return None
    scope = {"my": "user", "i": "user", "our": "our", "the": "our"}.get(owner.lower(), owner.lower())
    return f"{scope}.{'_'.join(words)}"


def _canonical(words: list[str]) -> list[str]:
    """Return the words under which different ways to name one attribute are kept."""
    if len(words) > 1 and words[-1] == "name" and words[-2] in ROLES:
        return words[:-1]
    if len(words) > 1 and words[-2:] == ["email", "address"]:
        return words[:-1]
    return [*words, "number"] if words[-1] == "phone" else words


def _is_name(value: str) -> bool:
    """Whether a value may be somebody's name, and no remark about them: names begin with no small letter."""
    first = re.sub(r"^(?:called|named|by the name of) ", "", value, flags=re.I)
    if first != value:
        return True
    return bool(_NAMED.match(value)) and not first[:1].islower() and len(value.split()) <= 4


def same_key(one: str | None, other: str | None) -> bool:
    """Whether two keys name the same attribute, spelling and number aside."""
    if one is None or other is None:
        return False
    return one == other or [stem(w) for w in re.split(r"[._]", one)] == [stem(w) for w in re.split(r"[._]", other)]


def is_secret(text: str) -> bool:
    """Whether a statement gives away something like a password."""
    return _SECRET.search(text[:1000]) is not None
