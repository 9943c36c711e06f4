"""What a docstring says of a function and of its arguments."""

from __future__ import annotations

import inspect
import re

_HEADS = re.compile(r"(Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?):\s*$")
_ARGUMENT = re.compile(r"(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_FIELD = re.compile(r":param\s+(?:[\w\[\], |]+\s)?(\w+)\s*:\s*(.*)")


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """Return what a function does, and what its arguments are.

    Args:
        docstring: In Google's style, or with `:param name:` lines.
    """
    said: list[str] = []
    arguments: dict[str, list[str]] = {}
    section, current = "", ""
    for line in inspect.cleandoc(docstring).split("\n"):
        if head := _HEADS.fullmatch(line.strip()):
            section, current = head[1], ""
        elif found := _FIELD.match(line.strip()):
            section, current = "Args", found[1]
            arguments[current] = [found[2]]
        elif line.strip().startswith((":return", ":raise", ":rtype", ">>>")):
            section, current = "Other", ""
        elif section in {"Args", "Arguments", "Parameters"} and line.startswith(" "):
            indent = len(line) - len(line.lstrip())
            found = _ARGUMENT.match(line.strip())
            if found and (indent <= 4 or not current):
                current = found[1]
                arguments[current] = [found[2]]
            elif current:
                arguments[current].append(line.strip())
        elif not section or (line and not line.startswith(" ") and section != "Other"):
            section, current = "", ""
            said.append(line)
    return "\n".join(said).strip(), {name: " ".join(filter(None, words)) for name, words in arguments.items()}
