"""How a new memory is held against older ones: where to look, and what each is to it."""

from __future__ import annotations

from lra.memory import statements
from lra.memory.statements import Statement
from lra.memory.wording import core, plain, words_of
from lra.store import fts
from lra.store.remembering import Reading, Relation

_MOST_WORDS = 24
"""Words of a probe; what holds these holds the rest or is no repetition."""
_COMPARED = frozenset({"fact", "preference", "event", "instruction"})
"""Kinds whose texts are single statements."""


def reading(content: str, kind: str) -> Reading | None:
    """Return how a text is compared with what is remembered; None for texts that are compared as they are."""
    if kind not in _COMPARED or not content.strip():
        return None
    mine, said = core(content), statements.read(content)

    def relation(other: str) -> Relation:
        return relate(mine, said, other)

    return Reading(tuple(_probes(content, said)), relation)


def relate(mine: tuple[str, ...], said: Statement | None, other: str) -> Relation:
    """Return what an older text is to a new one, given as its words and what it states."""
    its = core(other)
    if mine and mine == its:
        return "same"
    if statements.opposed(mine, its) or statements.withdrawn(mine, its) or statements.withdrawn(its, mine):
        return "contrary"
    theirs = statements.read(other) if said is not None else None
    if said is None or theirs is None:
        return "other"
    if said.about == theirs.about and said.value == theirs.value:
        return "same"
    return "contrary" if statements.contrary(said, theirs) else "other"


def _probes(content: str, said: Statement | None) -> list[str]:
    words = [word for word in fts.QueryTerms.parse(plain(content)).words if word not in _UNTELLING]
    probes = []
    if words:
        probes.append(" AND ".join(f'content : "{word}"' for word in words[:_MOST_WORDS]))
    elif pairs := fts.grams(content).split():
        probes.append(" AND ".join(f'grams : "{pair}"' for pair in dict.fromkeys(pairs)))
    if said is None:
        return probes
    fixed = [f'content : "{word}"' for text in said.subject for word in fts.QueryTerms.parse(text).words]
    varied = [f'content : "{word}"' for word in dict.fromkeys(said.attribute)]
    parts = [*dict.fromkeys(fixed), *([f"({' OR '.join(varied)})"] if varied else [])]
    if parts:
        probes.append(" AND ".join(parts))
    return probes


# Whatever may be missing from, or stand otherwise in, a text that says the same.
_UNTELLING = frozenset(
    words_of(
        "a an the this that is are am be been being s t m do does really very just currently now also too simply "
        "actually definitely basically please i me my mine user users person im not no never without ve re called "
        "named name names color colour favorite favourite gray grey mobile phone telephone have has of can any "
        "more anymore longer"
    )
)
