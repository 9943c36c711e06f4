"""Statements that something is not so, or no longer: what they deny, and what is said in its place."""

from __future__ import annotations

import re

_JOBS = (
    "accountant|actor|actress|analyst|architect|artist|baker|barber|builder|carpenter|cashier|chef|cleaner|coach|cook|"
    "dentist|designer|developer|doctor|driver|economist|editor|electrician|engineer|farmer|firefighter|gardener|"
    "hairdresser|journalist|judge|lawyer|librarian|manager|mechanic|midwife|musician|nurse|painter|pharmacist|"
    "photographer|physicist|pilot|plumber|policeman|policewoman|postman|priest|professor|programmer|psychologist|"
    "receptionist|researcher|sailor|salesman|saleswoman|scientist|secretary|shop assistant|singer|social worker|"
    "soldier|student|surgeon|tailor|teacher|therapist|trainer|translator|vet|waiter|waitress|welder|writer"
)
_PROFESSION = re.compile(
    rf"(?:i(?:'m| am)|the user is)(?: now)? an? (?:[\w-]+ ){{0,2}}?(?:{_JOBS})\b(?!'s)"
    r"(?: (?:at|in|for|by|of|with) .+)?",
    re.I,
)
SOMEBODY = r"(?:my|our) [^\s,;:?]{1,40}(?: [^\s,;:?]{1,40})?|(?-i:[A-Z])[\w'-]+(?: (?-i:[A-Z])[\w'-]+)?"
"""Somebody by their name, or by whose they are; for a pattern that takes no note of case."""
_OVER = re.compile(
    rf"(?P<who>i|we|{SOMEBODY})"
    r"(?P<be>'m| am|'re| are| is)? (?:no longer (?P<rest>.+)|"
    r"(?:do(?P<third>es)?(?:n't| not)|not) (?P<other>.+?),? any ?(?:more|longer))",
    re.I,
)
_AM_NOT = re.compile(
    r"i(?:'m| am) (?:not|no longer) (?:(?:really|actually|even|currently) )?"
    rf"(?:allergic (?:to|against) .+|(?:lactose|gluten)[ -]intolerant|vegetarian|vegan|married|single|divorced|"
    rf"engaged|retired|diabetic|pregnant|left-handed|right-handed|colou?r.?blind|(?:from|based in) .+|"
    rf"(?:working|living) (?:at|for|as|in|with) .+|an? (?:{_JOBS}))(?: any ?more)?",
    re.I,
)
_HAVE_NOT = re.compile(
    r"(?:i|we) (?:(?:don't|do not|no longer|never) have|have no|haven't got|have not got) (?:any |an? |my |our )?"
    r"(?:kids?|child(?:ren)?|sons?|daughters?|brothers?|sisters?|siblings?|pets?|dogs?|cats?|cars?|bikes?|wife|husband|"
    r"partner|girlfriend|boyfriend|allerg(?:y|ies)|garden|house|driving licen[cs]e|tattoos?|diabetes)(?: any ?more)?",
    re.I,
)


def denies(line: str) -> bool:
    """Whether a line says of somebody, in a form that is certain, that something is not so."""
    return bool(_AM_NOT.fullmatch(line) or _HAVE_NOT.fullmatch(line))


def over(line: str) -> str | None:
    """Return what a line says was so and is no longer: "I no longer live in Oslo" denies "I live in Oslo"."""
    match = _OVER.fullmatch(line.strip().rstrip(".! "))
    if match is None:
        return None
    verb, _, rest = (match["rest"] or match["other"]).partition(" ")
    return f"{match['who']}{match['be'] or ''} {verb}{'s' if match['third'] else ''} {rest}".rstrip()


def is_profession(line: str) -> bool:
    """Whether a line says by what profession somebody is one of many."""
    return _PROFESSION.fullmatch(line.strip().rstrip(".! ")) is not None
