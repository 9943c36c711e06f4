"""What a question asks for: the words to search by, and what an answer must speak of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lra.agent.offline.attributes import ATTRIBUTES, FAVOURITE, attribute_key
from lra.agent.offline.kin import liked, wants
from lra.agent.offline.spelling import asked, spelt
from lra.agent.offline.words import LOOK, TALK, content_words, is_aspect, is_question_marked, stem, tidy, widen

_SPELT = ATTRIBUTES | FAVOURITE
_QUERY_LENGTH = 300

_OPENERS = re.compile(
    r"(?:what|where|when|who|how|why|which)(?:'s|'re|'d|'ll)? |(?:whats|whose|whom|wheres|whos|hows|whens) |"
    r"(?:is|are|was|were|does|did|has|isn't|aren't|wasn't|doesn't|didn't|hasn't) \S{1,40} |"
    r"(?:can|could|will|would|should|shall|may|might|must|have|had|do|am|don't|haven't)"
    r" (?:i|you|we|he|she|it|they|my|our|your|his|her|their|the|there|any|anyone|someone) |"
    r"(?:please )?(?:tell|show|remind|give) me (?!an? )|tell us |recall |any idea |do you know|"
    r"(?:search|look) (?:my |your |the |in )*(?:memory|memories|notes)\b|(?:search|look up|look for|find) |"
    r"i (?:forgot|forget|can't remember|cannot remember|don't remember|do not remember|can't recall|don't recall)\b|"
    r"(?:i wonder|i want to know|i(?:'d| would) like to know|remind me) (?:what|where|when|who|how|why|which|if)",
    re.I,
)
_NOT_OPENERS = re.compile(
    r"what an? |(?:when|while) (?:i|we|he|she|they|my|our)(?: |'m |'ve )|how (?:nice|lovely|cool|funny|sad|sweet)\b|"
    r"have an? |which (?:is|are|was|means)|what i (?:mean|want|need|like)",
    re.I,
)
_AND_ASKS = re.compile(r"\s*[,;]?\s+and\s+(?=(?:what|where|when|who|how|which|whats|wheres|whos)\b)", re.I)
_OF_BEFORE = re.compile(r"\b(?:he|she|it|they|his|her|its|their|him|them|that|this|there)\b", re.I)
_END = 60
_AFTERTHOUGHT = re.compile(
    r"(?: (?:again|please|now|anyway|then|today|exactly|by the way|actually|is|are|was))+$", re.I
)
_ARTICLE = r"(?:my|our|the)"
_KEY_FORMS: tuple[tuple[re.Pattern[str], str | None], ...] = (
    (
        re.compile(r"who am i$|what(?:'s| is| was) my (?:full |first |own )?name|what am i (?:called|named)", re.I),
        "user.name",
    ),
    (
        re.compile(
            r"(?:where|(?:which|what) (?:city|town|country)|in which \w+) (?:do |did )?i live|"
            r"where (?:am i|i am|i'm) based",
            re.I,
        ),
        "user.location",
    ),
    (re.compile(r"where (?:do |did )?i work|who (?:do )?i work for|who(?:'s| is) my employer", re.I), "user.employer"),
    (re.compile(r"what do i do(?: for (?:a living|work))?$|what do i work as|what(?:'s| is) my job", re.I), "user.job"),
    (
        re.compile(r"where (?:am i|i am|i'm|do i come|i come|are we|we are|do we come) (?:originally )?from", re.I),
        "user.origin",
    ),
    (re.compile(r"how old am i|what(?:'s| is) my age", re.I), "user.age"),
    (re.compile(r"when was i born|when(?:'s| is) my birth", re.I), "user.birthday"),
)
_CALLED = re.compile(
    rf"what(?:'s| is| was| are|) (?:the )?(?P<owner>{_ARTICLE}) (?P<what>[^?]{{2,60}}?)(?: is| are| was)? "
    r"(?:called|named)\b",
    re.I,
)
_NAME_OF = re.compile(rf"names? of (?P<owner>{_ARTICLE}) (?P<what>[^?,.]{{2,60}})", re.I)
_POSSESSED = re.compile(rf"\b(?P<owner>{_ARTICLE}) (?P<what>[^?,.!]{{2,60}})", re.I)
_PAST = re.compile(
    r"\b(?:was|were|did|used to|had)\b.{0,80}\b(?:before|previously|earlier|formerly|in the past|originally|at first|"
    r"until (?:then|recently)|used to)\b|\bused to\b|"
    r"\bwhat (?:was|were) (?:my|our) (?:former|previous|earlier|old|last)\b|"
    r"\b(?:who|what|where) (?:is|was) (?:my|our) (?:former|previous)\b",
    re.I,
)
_OF_OTHERS = re.compile(
    r"\b(?!(?:what|who|where|when|how|that|it|he|she)')(?P<owner>[^\s']{2,40})'s (?P<what>[^?,.!]{2,60})", re.I
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, taken apart."""

    text: str
    query: str
    """What memory is searched for."""
    subjects: frozenset[str]
    """Stems an answer should speak of."""
    aspects: frozenset[str]
    """Stems that only say what kind of answer is wanted, such as a name."""
    key: str | None = None
    """The attribute asked for, when there is one."""

    past: bool = False
    """Whether it is asked how something was that may have changed since."""

    @property
    def topic(self) -> str:
        """What the question is about, to be named in an answer; empty when no word says it."""
        words = " ".join(content_words(self.text)[:6]) if self.text.isascii() else self.text
        return words[:80]


def is_question(sentence: str) -> bool:
    """Whether a sentence reads as a question, marked or not."""
    if is_question_marked(sentence):
        return True
    line = asked(" ".join(tidy(sentence[:LOOK]).split())) + " "
    return bool(_OPENERS.match(line)) and not _NOT_OPENERS.match(line)


def questions_in(line: str) -> list[str]:
    """Return the questions that one sentence asks: "what is my name, and where do I live?" asks two."""
    pieces = _AND_ASKS.split(line)
    alone = all(is_question(piece) and not _OF_BEFORE.search(piece) for piece in pieces)
    return pieces if len(pieces) > 1 and alone else [line]


def read_question(sentence: str) -> Question:
    """Take a question apart; any text will do."""
    line = asked(" ".join(tidy(sentence[:LOOK]).split()))
    written = content_words(line)
    words = [spelt(word, _SPELT) for word in written]
    stemmed = [stem(word) for word in words]
    subjects = frozenset(word for word in stemmed if not is_aspect(word))
    subjects = subjects - (TALK - wants(line)[0]) or subjects
    aspects = liked(line) & (frozenset(stemmed) | {"dislike"}) - subjects
    searched = words if subjects else widen([*words, "dislike"] if "dislike" in aspects else words)
    # What was kept may be mistyped in the same way.
    query = " ".join(dict.fromkeys([*(word for word in written if word not in words), *searched]))
    if not query or not (line.isascii() or _OPENERS.match(line + " ")):
        query = line.strip(" ?？؟.!")
    key = _asked_key(line.rstrip(" ?？؟.!"))
    if key == "user.origin":
        query = "come from born grew up"
    return Question(
        text=line,
        query=query[:_QUERY_LENGTH],
        subjects=subjects,
        aspects=aspects,
        key=key,
        past=_PAST.search(line) is not None,
    )


def _asked_key(line: str) -> str | None:
    line = line[:-_END] + _AFTERTHOUGHT.sub("", line[-_END:])
    for pattern, key in _KEY_FORMS:
        if pattern.search(line):
            return key
    if match := _CALLED.search(line):
        return attribute_key(match["owner"], match["what"], "called it")
    if match := _NAME_OF.search(line):
        return attribute_key(match["owner"], match["what"], "called it")
    for pattern in (_POSSESSED, _OF_OTHERS):
        if match := pattern.search(line):
            return attribute_key(match["owner"], match["what"])
    return None
