"""How telling English words are before any text has been seen.

In a store with three memories, counting says that every word is rare; these lists are what a person knows beforehand.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FUNCTION_WORDS = _set("""
    a about am an and any are as at be because been before being but by can could did didn do does doesn doing don
    done for from had has hasn have haven having he her here hers him his how however i if in into is isn it its
    itself just ll may me might mine more most my myself no nor not of off on or our ours out over own re s shall she
    should so some such t than that the their theirs them then there these they this those through to too up us ve
    very was wasn we were weren what when where which while who whom whose why will with won would wouldn yes you
    your yours yourself d m o also ever please
""")
"""Words that say how a sentence is built, not what it is about."""

COMMON_WORDS = _set("""
    able again all always another around ask asked away back bad be best better big bit both bring call called came
    come coming day days different each else end enough even every everything far feel few find first found gave get
    getting give given go goes going gone good got great had hello help hey hi high idea keep kind knew know last
    later least less let life like liked likes list little long look looking lot made make makes making man many
    maybe mean mention mentioned might morning much must name named need needs never new next nice night now number
    often ok okay old once one only other others part people person place point probably put question quite read
    really right said same say saying see seen set show side since small something soon sort start started still
    stop stuff sure take takes taken talk tell ten thank thanks thing things think thought three time times today
    together told tomorrow tonight took toward try trying two under until use used user using want wanted wants way
    week weeks well went work working world write writing wrong year years yesterday yet
""")
"""Words that any text may hold: they count, but little."""
ASKING_WORDS = _set("""
    according besides certain currently describe described describes during kind kinds main mention mentioned mentions
    particular recent recently regarding several specific sort type types various
""")
"""Words that questions are made of; what answers them seldom holds them."""
