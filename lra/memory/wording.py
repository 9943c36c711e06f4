"""Texts without their wording: what is left when filler, spelling and order of possession are taken away."""

from __future__ import annotations

import re

from lra.store.fts import fold

_WORD = re.compile(r"\w+(?:[.:/@+-]\w+)*")
_LEAD = re.compile(
    r"(?:(?:please|note|nb|fyi|remember|correction|update|actually|also|well|so|oh|and|by the way|for the record|"
    r"(?:the )?user (?:said|says|mentioned|noted|told \w+|stated|has said|confirmed)|(?:the )?person said|"
    r"i (?:said|mentioned|told you|want you to (?:know|remember)))\b(?:\s+that\b)?[\s,:;-]*)+",
    re.IGNORECASE,
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FILLER = _set("""
    a an the this that is are am be been being s do does really very just currently now also too simply actually
    definitely basically please
""")
"""Words without which a statement says the same."""
_SELF = frozenset(["i", "me", "my", "mine", "myself", "im", "user", "users", "person"])
_SPELLED = {
    "favorite": "favourite",
    "color": "colour",
    "colors": "colour",
    "gray": "grey",
    "called": "name",
    "named": "name",
    "names": "name",
    "e-mail": "email",
    "mobile": "phone",
    "telephone": "phone",
    "cellphone": "phone",
    "metre": "meter",
    "centre": "center",
}
_CONTRACTED = (
    (re.compile(r"\bi['’]m\b", re.I), "i am"),
    (re.compile(r"\b(can)not\b", re.I), r"\1 not"),
    (re.compile(r"\bcan['’]t\b", re.I), "can not"),
    (re.compile(r"\bwon['’]t\b", re.I), "will not"),
    (re.compile(r"n['’]t\b", re.I), " not"),
    (re.compile(r"\bno longer\b", re.I), "not"),
    (re.compile(r"['’]ve\b", re.I), " have"),
    (re.compile(r"['’]s\b", re.I), " 's"),
)
_NO_PLURAL = frozenset({"always", "perhaps", "besides", "news"})
NEGATION = frozenset({"not", "never", "no", "without"})


def plain(text: str) -> str:
    """Return a text in lower case without contractions, what led up to it, and the full stop."""
    line = " ".join(fold(text).split())
    if lead := _LEAD.match(line):
        line = line[lead.end() :] or line
    for pattern, instead in _CONTRACTED:
        line = pattern.sub(instead, line)
    return line.strip(" .!;,\"'“”").casefold()


def core(text: str) -> tuple[str, ...]:
    """Return the words that carry a text, in order: filler gone, one spelling, plurals as singulars."""
    words = [word for word in _WORD.findall(plain(text)) if word not in _FILLER]
    return tuple(normal(word) for word in words)


def normal(word: str) -> str:
    """Return one form for the forms of a word that do not change what is said."""
    if word in _SELF:
        return "user"
    word = _SPELLED.get(word, word)
    if len(word) > 4 and word.isalpha() and word not in _NO_PLURAL:
        if word.endswith("ies"):
            return word[:-3] + "y"
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            return word[:-1]
    return word


def words_of(text: str) -> list[str]:
    """Return the words of a plain text as they stand."""
    return _WORD.findall(text)
