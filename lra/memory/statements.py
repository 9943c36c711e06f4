"""Statements: of what a sentence says something, and what it says, as far as rules can tell.

Rules without a language model read a few plain forms and nothing else; a sentence in another form states nothing
here, and is then neither a repetition nor a contradiction of any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lra.memory.wording import NEGATION, core, normal, plain, words_of

_LONGEST = 40
"""Words; longer texts are told by nobody in one plain sentence."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SINGLE = _set("""
    name surname nickname birthday birthdate email phone address city country hometown age job profession
    occupation employer company home timezone deadline colour height weight budget price port version password
    pin passphrase code username handle editor shell manager boss dentist doctor capital owner host url domain
    iban room desk title language salary rent size nationality pronoun anniversary location status branch
    database framework currency number date time day month year password gender religion blood wifi ssid
    extension licence license plate wife husband spouse mother father
""")
"""Attributes that have one value at a time."""
_MARKS = _set("""
    favourite preferred default main primary current first last maiden middle nick home
""")
_STATE = re.compile(
    r"(?:broken|lost|dead|gone|sick|ill|late|wrong|bad|great|good|nice|fine|ok|missing|stolen|down|full|empty|old|new|"
    r"not|too|very|so|really|always|never|going|being|in the|at the|on the|about|where|what|when|who|why|how)\b"
)
_W = r"[^\s,;:?!]{1,40}"
_NP = rf"(?:{_W} ){{0,4}}{_W}"
_OWNER = r"(?:my|our|your|his|her|their|the user 's|user 's|the person 's|(?:the )?(?:[^\s,;:?!']{1,40} ){1,3}?'s)"
_BE = r"(?:is now|are now|is|are|has changed to|have changed to|changed to|was changed to|became|has become|=|:)"

_POSSESSED = re.compile(rf"(?P<owner>{_OWNER}) (?P<what>{_NP}?) (?P<be>{_BE}) (?P<value>.+)")
_OF = re.compile(rf"(?:the )?(?P<what>(?:{_W} ){{0,2}}?{_W}) (?:of|for) (?P<owner>{_NP}?) (?P<be>{_BE}) (?P<value>.+)")
_THE = re.compile(rf"the (?P<what>{_NP}?) (?P<be>{_BE}) (?P<value>.+)")
_CALLED = re.compile(
    rf"(?P<owner>{_NP}?) (?:is|are|was)? ?(?:now )?(?:called|named|known as|goes by(?: the name)?(?: of)?)"
    r" (?P<value>.+)"
)
_HAS_CALLED = re.compile(
    rf"(?P<who>i|we|the user|user|the person) (?:have|has|own|owns)(?: got)? an? (?P<what>{_NP}?)"
    r" (?:called|named|whose name is|by the name of) (?P<value>.+)"
)
_HAS = re.compile(rf"(?P<owner>{_NP}?) (?:has|have) (?:a|an|the) (?P<what>(?:{_W} )?{_W}?) (?:of )?(?P<value>\S.*)")
_REVERSED = re.compile(rf"(?P<value>{_NP}?) (?:is|are) (?P<owner>{_OWNER}) (?P<what>{_NP})")
_REVERSED_OF = re.compile(rf"(?P<value>{_NP}?) (?:is|are) the (?P<what>(?:{_W} )?{_W}) (?:of|for) (?P<owner>{_NP})")
_VERBS = (
    (
        "home",
        re.compile(
            r"(?:(?:live|lives|living|reside|resides|am living|based|am based) (?:in|at)|"
            r"(?:have |has )?(?:moved|relocated) (?:in )?to) (?P<value>.+)"
        ),
    ),
    ("employer", re.compile(r"(?:work|works|working|am working|am employed|is employed) (?:at|for|by) (?P<value>.+)")),
    ("job", re.compile(r"(?:work|works|working) as (?P<value>.+)")),
    ("age", re.compile(r"(?:am|is|are|turned) (?P<value>\d{1,3})(?: years old| years of age)?$")),
    ("birthday", re.compile(r"(?:was|were) born on (?P<value>.+)")),
)
_WHO = tuple(
    re.compile(rf"(?P<who>i|we|the user|user|the person|(?:my |our )?{_W}{more}) (?P<rest>.+)")
    for more in ("", f" {_W}")
)
_COUNTS = re.compile(
    rf"(?P<who>i|we|the user|user|the person|(?:my |our )?{_W}) (?:have|has|own|owns)(?: got)? "
    rf"(?P<value>\d{{1,4}}|[a-z]+) (?P<what>(?:{_W} )?{_W})(?:, .+)?"
)
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS, 1)}
_LIKING = {
    **dict.fromkeys(_set("like likes love loves enjoy enjoys adore adores prefer prefers"), True),
    **dict.fromkeys(_set("dislike dislikes hate hates detest detests"), False),
}
_LIKES = re.compile(
    rf"(?P<who>i|we|the user|user|the person|(?:my |our )?{_W}) (?P<not>do not |does not |did not |really |never )*"
    rf"(?P<verb>{'|'.join(sorted(_LIKING, reverse=True))}) (?P<value>.+)"
)
_NO_MORE = _set("any more anymore longer ever even really")
_HOW_MANY = _set("some one two three four five six seven eight nine ten several many both")
_NUMBER = re.compile(r"[\d.,:/-]*\d[\d.,:/-]*")


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said of what."""

    about: frozenset[str]
    """Who or what it is about, and which of its attributes."""
    value: tuple[str, ...]
    single: bool
    """Whether there is one value at a time, so that another one contradicts."""
    subject: tuple[str, ...] = ()
    """Words that any wording of it holds."""
    attribute: tuple[str, ...] = ()
    """Words of which any wording holds one."""


def read(text: str) -> Statement | None:
    """Return what a sentence states, or None when it has none of the known forms."""
    line = plain(text)
    if not line or len(words_of(line)) > _LONGEST or "\n" in text.strip() or line.endswith("?"):
        return None
    return _called(line) or _verb(line) or _counted(line) or _liking(line) or _attribute(line)


def contrary(one: Statement, other: Statement) -> bool:
    """Return whether two statements cannot both hold."""
    if one.about != other.about or not (one.single and other.single):
        return False
    mine, its = set(one.value), set(other.value)
    # A value that holds the other only says more: Berlin, and Berlin in Germany.
    return not (mine <= its or its <= mine)


def opposed(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two texts are the same but for a no."""
    without = NEGATION | {"always"}
    mine, its = [w for w in one if w not in without], [w for w in other if w not in without]
    return mine == its and len(mine) > 1 and _denials(one) != _denials(other)


def withdrawn(denial: tuple[str, ...], told: tuple[str, ...]) -> bool:
    """Return whether a text denies another, as "I don't have kids" does "I have two kids, Mia and Leo"."""
    if _denials(denial) != 1 or _denials(told):
        return False
    said = [word for word in denial if word not in NEGATION | _NO_MORE]
    held = [word for word in told if not (word in _HOW_MANY or word.isdecimal())]
    return len(said) > 2 and held[: len(said)] == said


def _denials(words: tuple[str, ...]) -> int:
    return sum(word in NEGATION for word in words) % 2


def _tokens(text: str) -> tuple[str, ...]:
    return core(text)


def _about(owner: str, what: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_tokens(owner), *_tokens(what))))


def _single(what: tuple[str, ...], value: tuple[str, ...]) -> bool:
    if not what:
        return False
    if what[-1] in SINGLE or not _MARKS.isdisjoint(what):
        return True
    return len(value) == 1 and _NUMBER.fullmatch(value[0]) is not None


_SYNONYMS = {
    "name": ("name", "called", "named", "known", "goes"),
    "home": ("live", "living", "moved", "relocated", "reside", "based", "home"),
    "employer": ("work", "working", "employed", "employer"),
    "job": ("work", "job"),
    "age": ("age", "old", "turned", "years"),
    "birthday": ("birthday", "born"),
    "colour": ("colour", "color"),
    "favourite": ("favourite", "favorite"),
    "email": ("email", "mail"),
    "phone": ("phone", "mobile", "telephone", "cellphone"),
    "liking": tuple(sorted(_LIKING)),
}


def _statement(owner: str, what: str, value: str, *, attribute: str | None = None) -> Statement | None:
    told = _tokens(value)
    if not told:
        return None
    whose, which = _tokens(owner), _tokens(what)
    names = (*which, attribute) if attribute else which
    about = frozenset((*whose, *names))
    if not about - {"user"}:
        return None
    fixed = tuple(word for word in (*whose, *which) if word != "user" and word not in _SYNONYMS)
    varied = tuple(word for name in names for word in _SYNONYMS.get(name, ()))
    return Statement(about, told, _single(names, told), fixed, varied)


def _called(line: str) -> Statement | None:
    if match := _HAS_CALLED.fullmatch(line):
        return _statement(match["who"], match["what"], match["value"], attribute="name")
    if (match := _CALLED.fullmatch(line)) and not re.search(r" (?:not|never)$", match["owner"]):
        return _statement(match["owner"], "", match["value"], attribute="name")
    return None


def _verb(line: str) -> Statement | None:
    for who in _WHO:
        if not (match := who.fullmatch(line)):
            continue
        for attribute, pattern in _VERBS:
            if found := pattern.fullmatch(match["rest"]):
                return _statement(match["who"], "", found["value"], attribute=attribute)
    return None


def _counted(line: str) -> Statement | None:
    if not (match := _COUNTS.fullmatch(line)):
        return None
    number = match["value"] if match["value"].isdecimal() else _NUMBERS.get(match["value"])
    return _statement(match["who"], match["what"], number, attribute="count") if number else None


def _liking(line: str) -> Statement | None:
    if not (match := _LIKES.fullmatch(line)):
        return None
    denied = len(re.findall(r"\b(?:not|never)\b", line[: match.start("verb")])) % 2 == 1
    likes = _LIKING[match["verb"]] != denied
    what = _tokens(match["value"])
    whose = _tokens(match["who"])
    about = frozenset((*whose, *what, "liking"))
    if not what or not NEGATION.isdisjoint(what):
        return None
    fixed = tuple(word for word in what if word not in _SYNONYMS)
    return Statement(about, ("yes" if likes else "no",), True, fixed, _SYNONYMS["liking"])


def _attribute(line: str) -> Statement | None:
    """Read the forms in which an attribute is named; the first that names a known one."""
    for pattern in (_POSSESSED, _OF, _REVERSED_OF, _REVERSED, _THE, _HAS):
        if not (match := pattern.fullmatch(line)):
            continue
        groups = match.groupdict()
        owner, what, value = groups.get("owner") or "the", groups["what"], groups["value"]
        if _STATE.match(value):
            continue
        if pattern is _HAS and normal(what.split()[-1]) not in SINGLE:
            continue
        if (
            pattern in {_REVERSED, _REVERSED_OF, _OF}
            and normal(what.split()[-1]) not in SINGLE
            and _MARKS.isdisjoint(_tokens(what))
        ):
            continue
        return _statement("" if owner == "the" else owner, what, value)
    return None
