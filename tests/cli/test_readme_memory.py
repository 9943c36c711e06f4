"""The README's memory chapter shows what the commands print; LRA_WRITE_README=1 writes it anew."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from .conftest import Cli

README = Path(__file__).parents[2] / "README.md"
HEADING = "## See, correct and erase what it remembers"
_ID = re.compile(r"\b(?=[a-z]*\d)(?=\d*[a-z])[0-9a-hjkmnp-tv-z]{12}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b(?!T)")
_SCORE = re.compile(r"^\d\.\d\d(?=\t)", re.MULTILINE)
_PROCESS = re.compile(r"process \S+:\d+")


class Ids:
    """Ids of the README and those of this run, in the order in which they appear."""

    def __init__(self) -> None:
        self.real: dict[str, str] = {}

    def meet(self, shown: list[str], real: list[str]) -> None:
        for one, other in zip(shown, real, strict=False):
            if other not in self.real.values():
                self.real.setdefault(one, other)

    def as_real(self, text: str) -> str:
        return _ID.sub(lambda match: self.real.get(match.group(), match.group()), text)

    def as_shown(self, text: str) -> str:
        back = {real: shown for shown, real in self.real.items()}
        return _ID.sub(lambda match: back.get(match.group(), match.group()), text)


def _steady(text: str) -> str:
    text = _PROCESS.sub("process HOST:NUMBER", _TIME.sub("2026-01-31T18:00:00.000000Z", text))
    # How well it fits is not what this is about.
    return _SCORE.sub("0.74", _DATE.sub("2026-01-31", text)).replace("\t", "  ")


def _run(cli: Cli, command: str) -> str:
    program, *arguments = shlex.split(command)
    assert program == "lra"
    result = cli(*arguments)
    # A person reads both; what is said beside the data comes first.
    return _steady(result.err + result.out)


def test_the_readme_shows_what_is_printed(cli: Cli) -> None:
    text = README.read_text()
    start = text.index(HEADING)
    end = text.index("\n## ", start + 1)
    chapter, ids = text[start:end], Ids()
    blocks = re.findall(r"```console\n(.*?)```", chapter, re.DOTALL)
    assert blocks
    written = chapter
    for block in blocks:
        shown_block = ""
        for part in re.split(r"^(?=\$ )", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            printed = _run(cli, ids.as_real(command.removeprefix("$ ")))
            ids.meet(_ID.findall(shown) or _ID.findall(printed), _ID.findall(printed))
            shown_block += f"{command}\n{ids.as_shown(printed)}"
        written = written.replace(block, shown_block, 1)
    if os.environ.get("LRA_WRITE_README"):
        README.write_text(text[:start] + written + text[end:])
    assert written == chapter
