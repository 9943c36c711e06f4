"""Statements a person makes about themselves: which sentences are worth remembering, and as what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lra.agent.offline.attributes import ATTRIBUTES, FAVOURITE, VAGUE, attribute_key, turned
from lra.agent.offline.denials import denies, is_profession, over
from lra.agent.offline.updates import corrected, lasting, otherwise
from lra.agent.offline.words import is_question_marked, tidy, tokens, word_set

MemoryType = Literal["fact", "preference", "instruction"]
_Kind = tuple[MemoryType, str | None]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to remember, in the person's own words."""

    content: str
    memory_type: MemoryType = "fact"
    key: str | None = None
    """The attribute it states, when a later statement of it should replace this one."""


_EMPTY_TALK = word_set(
    "answer bad bug concern error feeling fear goodness god guess hope idea impression issue intention message "
    "opinion pleasure point problem query question request suggestion thought thoughts understanding worry"
)
_NEVER_OBJECTS = re.compile(
    r"(?:it|its|that|this|these|those|them|you|your|yours|him|her|what|how|when|where|who|why|which|if|to know|to ask|"
    r"to see you|there|the (?:idea|sound|look|way) )\b",
    re.I,
)
_LEAD = re.compile(
    r"(?:(?:by the way|btw|fyi|for your information|for the record|just so you know|so you know|actually|anyway|also|"
    r"and|but|oh|oops|well|so|ok|okay|yes|no|nope|correction|update|hey|hi|hello|please|look|listen|wait|sorry|hmm+|"
    r"in fact|now|scratch that|my mistake|i (?:mean|meant)(?: to say)?|(?:i think )?you should know)\b"
    r"(?: that\b)?[\s,:;.-]*){1,4}",
    re.I,
)
_WORDS_1_6 = r"(?:[^\s,;:?]{1,40} ){0,5}?[^\s,;:?]{1,40}?"
_NAME = re.compile(
    r"(?:my (?:full |first |given )?name(?: is|'s)|(?:please |you can |just )?call me|i(?:'m| am) (?:called|named)|"
    r"(?:people|friends|everyone|everybody) calls? me|i go by)[ :]+(?P<value>.+)",
    re.I,
)
_NOT_A_NAME = re.compile(
    r"(?:later|back|again|tomorrow|tonight|when|if|an? |at |on |in |maybe|any|after|before|crazy|old-fashioned|not )",
    re.I,
)
_POSSESSED = re.compile(
    rf"(?P<owner>my|our) (?P<what>{_WORDS_1_6}) "
    r"(?P<verb>is now|is|are|was|were|has changed to|changed to|"
    r"likes?|loves?|hates?|prefers?|has|have|works?|lives?|plays?|speaks?|drives?|uses?|studies|eats?|drinks?|"
    r"expires?|arrives?|leaves?|departs?|opens?|closes?|"
    r"weighs?|goes to|turns?|starts?|ends?|costs?|takes place|contains?|belongs?) (?P<value>.+)",
    re.I,
)
# With most words after it, "'s" is possession: "my dog's name" states nothing.
_CONTRACTS = re.compile(
    r"(?:called|named|an?|the|from|in|at|on|not|very|going|coming|getting|no longer|my|our|\d\S*) ", re.I
)
_CONTRACTED = re.compile(
    r"(?P<owner>my|our) (?P<what>(?:[^\s,;:?']{1,40} ){0,3}[^\s,;:?']{1,40})'s (?P<value>.+)", re.I
)
_REVERSED = re.compile(
    rf"(?!(?:this|that|it|he|she|there|here|which|they|these|those)\b)(?P<value>{_WORDS_1_6}) (?:is|are) "
    r"(?P<owner>my|our) (?P<what>(?:[^\s,;:?]{1,40} ){0,3}[^\s,;:?]{1,40})",
    re.I,
)
_THIRD = re.compile(
    rf"(?:the (?P<what>{_WORDS_1_6}(?: (?:of|for) {_WORDS_1_6})?)|"
    rf"(?!(?:what|that|it|he|she|here|there|who|where|how|when|let|today|tomorrow|yesterday)')"
    rf"(?P<owner>[^\s,;:?']{{2,40}})'s (?P<their>{_WORDS_1_6})) (?:is|are) (?P<value>.+)",
    re.I,
)
_HAVE_NAMED = re.compile(
    r"(?:i|we)(?: have|'ve| have got|'ve got| own) (?:an? |\w{2,10} )(?P<what>[^\s,;:?]{2,40}) "
    r"(?:called|named|whose name is) (?P<value>.+)",
    re.I,
)
_PREFERS = re.compile(
    r"i (?:(?:really|also|absolutely|generally|usually|mostly|strongly|still|just|do) ){0,2}"
    r"(?:prefers?|likes?|loves?|hates?|dislikes?|enjoys?|adores?|detests?|favou?rs?|can't stand|cannot stand|"
    r"(?:don't|do not|doesn't|never) (?:like|eat|drink|enjoy|want|care for)) (?P<value>.+)",
    re.I,
)
_DOES = re.compile(
    r"(?:i|we)(?:'ve)? (?:(?:also|usually|mostly|mainly|always|never|no longer|often|now|"
    r"only|currently|still|don't|do not|just|recently|have) ){0,2}"
    r"(?:uses? |lives? (?:in|at|with|on|near|alone)|works? (?:at|for|as|in|from|on|with|remotely)|stud(?:y|ies) |"
    r"speaks? |drives? |owns? |plays? |eats? |drinks? |deploys? |releases? |ships? |meets? |teach(?:es)? |wears? |"
    r"weighs? |collects? |comes? from|was born|were born|grew up|moved (?:to|from|in)|turned \d{1,3}|graduated|"
    r"runs? (?:an? |on )|can't eat|cannot eat|have been |has been |"
    r"haves? (?:an? |\d|no |two|three|four|five|six|some )|"
    r"has (?:an? |\d|no |two|three|four|five|six|some ))(?P<value>.*)",
    re.I,
)
_AM = re.compile(
    r"i(?:'m| am) (?:(?:also|very|severely|still|now|currently|a bit|slightly) ){0,2}"
    r"(?:allergic (?:to|against)|intolerant|lactose|gluten|vegetarian|vegan|from |based |born |married|single\b|"
    r"divorced|engaged|left-handed|right-handed|colou?r.?blind|retired|diabetic|pregnant|fluent|learning |studying |"
    r"\d{1,3}(?: ?(?:years old|years of age|yo|y/o))?\b(?! (?:minute|hour|second|day|percent)|%)|"
    r"an? (?!(?:bit|little|lot|tad|mess|fool|moron|fan of you))|"
    r"working (?:at|for|as|on)|living |(?:meeting|visiting|flying to|travell?ing to|moving to) )(?P<value>.*)",
    re.I,
)
_MOVED = re.compile(
    r"i(?:'ve)? (?:(?:have|just|recently) )*moved to (?!an? |the |my |our )[^\d]+?"
    r"(?: (?:today|yesterday|recently|last (?:week|month|year|spring|summer|autumn|fall|winter)|"
    r"this (?:week|month|year)))?"
)
"""Where somebody lives now; a move with a date may be long ago."""
_SOMEBODY = re.compile(
    r"(?!(?:I|We|You|He|She|It|They|Who|What|This|That|There|Here|Every\w*|Some\w*|Any\w*|No\w*|Nobody|People|When|If)\b)"
    r"[A-Z][\w'-]+(?: [A-Z][\w'-]+)? (?:(?:no longer )?(?:likes|loves|hates|prefers|lives in|lives at|works at|"
    r"works for|works as|speaks|eats|plays|studies|drives)|moved to|was born|is (?:no longer |not )?allergic to|"
    r"(?:doesn't|does not) (?:like|love|eat|live in|live at|work at|work for|work as|speak|play|study|drive)|"
    r"is (?:no longer )?(?:my|our) \w+)(?: (?P<value>.+)|$)"
)
_BY_NAME = re.compile(r"I(?:'m| am) (?:[A-Z][\w'-]+)(?: [A-Z][\w'-]+){0,3}")
_NOT_KEPT = re.compile(
    r"(?:an? )?(?:questions?|problems?|issues?|ideas?|feeling|doubt|request|bug|minute|moment|thought|favou?r|"
    r"hunch|go|look|try|headache|clue|time|error|call|meeting|new problem|quick question|sorry|sure|ok|okay|fine|"
    r"good|glad)\b",
    re.I,
)
_INSTRUCTS = re.compile(
    r"(?:(?:always|never)(?! (?:mind|again)\b)|from now on,?|in (?:the )?future,?|going forward,?|whenever) \S+.*|"
    r"\S.{3,}\bfrom now on",
    re.I,
)
_ABOUT_USER = (
    (re.compile(r"^(?:the )?user(?:'s| has an?) ", re.I), "my "),
    (re.compile(r"^(?:the )?user (?:is|was) ", re.I), "I am "),
    (re.compile(r"^(?:the )?user ", re.I), "I "),
)


def read_fact(sentence: str) -> Fact | None:
    """Return the fact that a sentence states, or None when it states nothing worth keeping.

    Args:
        sentence: One sentence; a question is never a fact.
    """
    said = tidy(sentence).rstrip(".!… ")
    if not said or len(said) > 1000 or is_question_marked(sentence):
        return None
    if lead := _LEAD.match(said):
        said = said[lead.end() :]
    said = said[:1].upper() + said[1:] if said[:3].lower() in {"my ", "our", "i'm", "we ", "the"} else said
    said = "I" + said[1:] if said[:2] in {"i ", "i'"} else said
    line = lasting(" ".join(said.split()))
    for instead in corrected(line):
        # Only an attribute has a value that another one takes the place of.
        if (found := _read(instead)) is not None and found[1] is not None:
            return Fact(instead, *found)
    if (other := otherwise(line)) and (found := _read(other)):
        return Fact(other, *found)
    if (found := _read(line)) is not None and found[0] != "instruction":
        newly = found[1] is None and len(line) < len(said) and is_profession(line)
        return Fact(said if "\n" in said else line, found[0], "user.job" if newly else found[1])
    found = _read(" ".join(said.split()))
    return Fact(said, *found) if found is not None else None


def _read(line: str) -> _Kind | None:
    return next((found for reader in _READERS if (found := reader(line)) is not None), None)


def read_stored(content: str) -> Fact | None:
    """Return the fact in a stored memory, which may speak of "the user" instead of "I"."""
    line = content[:1000]
    for pattern, instead in _ABOUT_USER:
        line, changed = pattern.subn(instead, line, count=1)
        if changed:
            break
    return read_fact(line)


def _liking(what: str) -> MemoryType:
    return "fact" if FAVOURITE.isdisjoint(tokens(what)) else "preference"


def _read_name(line: str) -> _Kind | None:
    if (match := _NAME.fullmatch(line)) and not _NOT_A_NAME.match(match["value"]):
        return "fact", "user.name"
    if match := _HAVE_NAMED.fullmatch(line):
        return "fact", attribute_key("my", match["what"], "called " + match["value"])
    return None


def _read_possession(line: str) -> _Kind | None:
    match = _POSSESSED.fullmatch(line)
    short = None if match else _CONTRACTED.fullmatch(line)
    if short and (_CONTRACTS.match(short["value"]) or _liking(short["what"]) == "preference"):
        match = short
    if match:
        what = match["what"]
        if {*tokens(what)} & _EMPTY_TALK or _NEVER_OBJECTS.fullmatch(match["value"]):
            return None
        verb = (match.groupdict().get("verb") or "is").lower()
        if _NOT_KEPT.match(match["value"]) and verb in {"has", "have"}:
            return None
        stays = verb in {"is", "are", "is now", "has changed to", "changed to"}
        key = attribute_key(match["owner"], what, match["value"]) if stays else None
        return _liking(what), key
    if match := _REVERSED.fullmatch(line):
        words = tokens(match["what"])
        if {*words} & _EMPTY_TALK or _NEVER_OBJECTS.match(match["value"]):
            return None
        return _liking(match["what"]), attribute_key(match["owner"], match["what"], match["value"])
    if match := _THIRD.fullmatch(line):
        what, owner = match["what"] or match["their"], match["owner"] or "the"
        words = tokens(turned(what))
        if not words or words[-1] not in ATTRIBUTES or (owner == "the" and len(words) == 1 and words[0] in VAGUE):
            return None
        return "fact", attribute_key(owner, what, match["value"])
    return None


def _read_verb(line: str) -> _Kind | None:
    if match := _PREFERS.fullmatch(line):
        return None if _NEVER_OBJECTS.match(match["value"]) else ("preference", None)
    if match := _DOES.fullmatch(line) or _AM.fullmatch(line):
        value = match["value"].strip()
        if _NEVER_OBJECTS.match(value) or _NOT_KEPT.match(value):
            return None
        return "fact", _verb_key(line)
    if (match := _SOMEBODY.fullmatch(line)) and not _NEVER_OBJECTS.match(match["value"] or ""):
        return "fact", None
    if denies(line):
        return "fact", None
    if _BY_NAME.fullmatch(line) and not _NOT_KEPT.match(line.split(" ", 2)[-1]):
        return "fact", None
    return None


def settled(facts: Sequence[Fact]) -> list[Fact]:
    """Leave out what is said to be over where another fact says what is so instead."""
    told = list(facts)
    for fact in facts:
        if fact.key is None or over(fact.content) is None:
            continue
        for at, other in enumerate(told):
            replaces = fact.key == "user.job" and other.key is None and is_profession(other.content)
            if other != fact and (replaces or (other.key == fact.key and over(other.content) is None)):
                told[at] = replace(other, key=fact.key)
                told.remove(fact)
                break
    return told


def _verb_key(line: str) -> str | None:
    if (was := over(line)) is not None:
        return "user.job" if is_profession(was) else _verb_key(was)
    lowered = re.sub(r"\b(?:now|currently|also|still) ", "", line.lower())
    if re.match(r"i lives? (?:in|at) |i(?:'m| am) (?:based|living) in ", lowered):
        # Who moves away does not say that whoever lived there with them is gone.
        return None if re.search(r" (?:with|and) ", lowered) else "user.location"
    if re.match(r"i(?: works?|'m working| am working) (?:at|for) ", lowered):
        return "user.employer"
    if re.match(r"i works? as ", lowered):
        return "user.job"
    if re.match(
        r"i(?:'m| am) (?:already )?\d{1,3}(?: ?(?:years old|years of age|yo|y/o))?$|i(?:'ve)? (?:just )?turned \d",
        lowered,
    ):
        return "user.age"
    if _MOVED.fullmatch(lowered):
        return "user.location"
    if re.match(r"i was born on ", lowered):
        return "user.birthday"
    return None


def _read_instruction(line: str) -> _Kind | None:
    return ("instruction", None) if _INSTRUCTS.fullmatch(line) else None


_READERS = (_read_name, _read_possession, _read_verb, _read_instruction)
