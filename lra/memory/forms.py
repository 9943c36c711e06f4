"""Forms of a word that no stemmer brings together: irregular English verbs and plurals."""

from __future__ import annotations

from collections.abc import Mapping

_FAMILIES = """
    become became; begin began begun; bend bent; bite bit bitten; blow blew blown; break broke broken; bring brought;
    build built; burn burnt; buy bought; catch caught; choose chose chosen; come came; deal dealt; dig dug;
    draw drew drawn; dream dreamt; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feed fed;
    feel felt; fight fought; find found; fly flew flown; forget forgot forgotten; forgive forgave forgiven;
    freeze froze frozen; get got gotten; give gave given; go went gone; grow grew grown; hang hung; hear heard;
    hide hid hidden; hold held; keep kept; know knew known; lay laid; lead led; learn learnt; leave left; lend lent;
    lose lost; make made; mean meant; meet met; pay paid; ride rode ridden; ring rang rung; rise rose risen; run ran;
    say said; see saw seen; seek sought; sell sold; send sent; shake shook shaken; shoot shot; show shown;
    shrink shrank shrunk; sing sang sung; sink sank sunk; sit sat; sleep slept; speak spoke spoken; spend spent;
    stand stood; steal stole stolen; stick stuck; strike struck; swear swore sworn; sweep swept; swim swam swum;
    swing swung; take took taken; teach taught; tear tore torn; tell told; think thought; throw threw thrown;
    understand understood; wake woke woken; wear wore worn; win won; write wrote written;
    child children; person people; man men; woman women; wife wives; life lives; knife knives; leaf leaves;
    shelf shelves; mouse mice; foot feet; tooth teeth; goose geese
"""


def _families() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in _FAMILIES.split(";"):
        family = tuple(line.split())
        for word in family:
            found[word] = family
        first = family[0]
        # The other regular forms are asked for as well: `buying`, `buys`.
        for ending in ("s", "ing"):
            found[first + ending] = family
    return found


_OF = _families()
_MISTAKEN = frozenset({"ate"})
"""Forms that the index keeps under the stem of another word: `ate` stands there as `at`, which is everywhere."""


def others(word: str) -> tuple[str, ...]:
    """Return the other forms of a word in lower case, if it has any that its stem does not show."""
    return tuple(form for form in _OF.get(word, ()) if form != word and form not in _MISTAKEN)
