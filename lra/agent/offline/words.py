"""Words of a text: what is compared when a question meets a memory.

Scripts written without spaces are compared by pairs of characters, all others by lightly stemmed words.
"""

from __future__ import annotations

import re
import unicodedata

LOOK = 4000
"""Characters of a text that any rule looks at; what is stored or run is never cut."""

QUESTION_MARKS = "?？؟⸮՞፧"

_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "‛": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "\u00a0": " "})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060\ufeff]")
_POSSESSIVE = re.compile(r"'(?:s|re|m|ve|ll|d)?(?!\w)")
_TOKEN = re.compile(
    r"[^\s!-/:-@\[-`{-~\u00a1-\u00bf\u2000-\u200b\u2010-\u206f\u2e00-\u2e7f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20،؛؟।॥՞፧]+"
)
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(words.split())


# Within a sentence a capital makes a name of what is an empty word elsewhere, such as Mia.
_CAPITAL = re.compile(r"\b[A-Z][a-z]+\b")

_STOP = word_set(
    "a about actually after again ago all also am an and any anybody anyone anything are as ask asked at be been "
    "before being both but by ca can cannot concerning could did do does doing don done ever every everything "
    "exactly few find for forget forgot from get give given go got had has have having he hello her here hers hey "
    "hi him his how hows i idea if in into is it its just know let look lot made make many may maybe me mean "
    "memories memory mention mentioned might mine more most much must my no not note notes of off ok okay on once "
    "one only or other our ours out over please really recall regarding remember remind right said say search see "
    "shall she should show so some somebody someone something stored such tell than thank thanks that the their "
    "theirs them then there these they this those to told too under until up us very was we well were what whats "
    "when whens where wheres which while who whom whos whose why will with wo wonder would yes yet you your yours "
)

# The commonest words of a few other languages, where they mean nothing in English.
_STOP_ELSEWHERE = word_set(
    "wie wo wer wann ist sind mein meine meinen meiner ich cómo como se mi mis es el la los las qué cuál dónde cuándo "
    "quién comment quel quelle quels mon ma mes est où qui que quand je il come mio mia è qual quale dove quando meu "
    "minha"
)

# Words that say what kind of answer is wanted. Two texts that share only these speak of different things.
_ASPECTS = {
    "name": "name names named called call calls nickname heisst heisse llama llamo appelle nom nombre nome chiama",
    "live": "live lives living lived moved home reside resides residing based",
    "work": "work works working worked job jobs employer employed occupation profession",
    "like": "like likes liked love loves prefer prefers preferred preference preferences enjoy enjoys favor",
    "dislike": "hate hates dislike dislikes detest",
    "favorite": "favorite favorites favourite favourites fav fave",
    "use": "use uses using used",
    "want": "want wants need needs think thinks",
    "have": "own owns keep keeps",
    "old": "old age aged years",
    "time": "time times day days date dates year week month hour today tomorrow yesterday now tonight",
    "kind": "kind kinds type types sort thing things stuff fact facts detail details current new",
    "number": "number numbers",
}
_ASPECT_OF = {word: aspect for aspect, words in _ASPECTS.items() for word in words.split()}
_ALIKE = {
    "allergic": "allergy",
    "allergies": "allergy",
    "born": "birthday",
    "birthdate": "birthday",
    "bday": "birthday",
    "spouse": "partner",
    "licence": "licens",
    "met": "meet",
    "bought": "buy",
    "sold": "sell",
    "paid": "pay",
    "lent": "lend",
    "ate": "eat",
    "drank": "drink",
    "drove": "driv",
    "flew": "fly",
    "mum": "mother",
    "mom": "mother",
    "dad": "father",
    "ai": "ai",
}
_WIDER = {
    "name": ("name", "called", "call"),
    "live": ("live", "home", "address", "moved"),
    "work": ("work", "job"),
    "like": ("like", "love", "prefer", "favourite", "enjoy"),
    "dislike": ("hate", "dislike", "don't like"),
    "old": ("years", "old", "age", "born"),
}
_ENDINGS = (("ies", "y", 5), ("ments", "", 8), ("ment", "", 7), ("ings", "", 7), ("ing", "", 6), ("ed", "", 5))


_TALK_WORDS = word_set(
    "talk discuss chat speak spoke spoken conversation session discussion last previous earlier yesterday today recent "
    "recently previously summarize summarise sum recap leave left stop stopped past time lately latest happen ago "
    "morning afternoon evening night week work hour minute first decide agree far "
    "question message topic thing"
)


def tidy(text: str) -> str:
    """Return text with straight quotes and without control characters; line breaks and tabs stay."""
    return _CONTROL.sub(" ", text.translate(_STRAIGHT)).strip()


def tokens(text: str) -> list[str]:
    """Return the words of a text in order, case folded; unspaced scripts as pairs of characters."""
    folded = unicodedata.normalize("NFKC", text[:LOOK]).translate(_STRAIGHT).casefold()
    folded = _POSSESSIVE.sub(" ", folded.replace("n't", " not").replace("e-mail", "email"))
    found: list[str] = []
    for token in _TOKEN.findall(folded):
        if len(token) == 1 or not _UNSPACED.search(token):
            found.append(token)
        else:
            found.extend(token[i : i + 2] for i in range(len(token) - 1))
    return found


def stem(word: str) -> str:
    """Return the form in which words are compared: aspects and close relatives become one word."""
    if word in _ASPECT_OF:
        return _ASPECT_OF[word]
    if word in _ALIKE:
        return _ALIKE[word]
    if not word.isascii() or len(word) < 4:
        return word
    for ending, instead, shortest in _ENDINGS:
        if word.endswith(ending) and len(word) >= shortest:
            word = word[: -len(ending)] + instead
            break
    else:
        word = _singular(word)
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    if len(word) > 4 and word.endswith("our"):
        word = word[:-3] + "or"
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _singular(word: str) -> str:
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


TALK = frozenset(stem(word) for word in _TALK_WORDS)
"""Stems of talking and of past times: they say where to look, never what was said."""


def content_words(text: str) -> list[str]:
    """Return the distinct words that carry meaning, as written but case folded, in order."""
    named = {word.casefold() for word in _CAPITAL.findall(text[1:LOOK])}
    empty = _STOP | (_STOP_ELSEWHERE - named)
    return list(dict.fromkeys(word for word in tokens(text) if word not in empty))


def stems(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    return frozenset(stem(word) for word in content_words(" " + text))


def is_aspect(stemmed: str) -> bool:
    """Whether a stem only says what kind of answer is wanted."""
    return stemmed in _ASPECTS


def widen(words: list[str]) -> list[str]:
    """Add what people write instead of an aspect, for a search by words: a name is also what one is called."""
    wider = [other for word in words for other in _WIDER.get(stem(word), ())]
    return list(dict.fromkeys([*words, *wider]))


def is_question_marked(text: str) -> bool:
    """Whether a text ends in a question mark of any script, whatever signs follow it."""
    for char in reversed(text[-80:]):
        if char in QUESTION_MARKS:
            return True
        if char.isalnum():
            return False
    return False
