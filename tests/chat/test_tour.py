"""The tour in the README: what the real program shows a newcomer, taken from its terminal.

`python -m tests.chat.test_tour` writes it anew.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.terminal import ROOT, Terminal, lra, plain_env

README = ROOT / "README.md"
BEGIN, END = "<!-- tour: begin, written by tests/chat/test_tour.py -->", "<!-- tour: end -->"
COLUMNS, ROWS = 84, 40


class Tour:
    """Walks through the program and keeps what is worth seeing."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._frames: list[str] = []

    def starts(self, folder: str, *arguments: str) -> Terminal:
        cwd = self._home / folder
        cwd.mkdir(exist_ok=True)
        env = plain_env(self._home, LRA_MODEL="offline")
        terminal = Terminal(lra("chat", *arguments), env=env, cwd=cwd, columns=COLUMNS, rows=ROWS)
        terminal.prompt()
        return terminal

    def frame(self, title: str, terminal: Terminal, *, since: str = "") -> None:
        lines = terminal.lines
        if since:
            lines = lines[max(number for number, line in enumerate(lines) if line.startswith(since)) :]
        self._frames.append(f"**{title}**\n\n```text\n{steady(lines)}\n```")

    @property
    def text(self) -> str:
        return "\n\n".join(self._frames)


def steady(lines: list[str]) -> str:
    """Replace what is another each time: ids and times."""
    text = "\n".join(lines).strip("\n")
    text = re.sub(r"(\(id=|chat -r )[0-9a-z]{12}", r"\g<1>k3v9x2m7q4ta", text)
    text = re.sub(r"(fact|summary) [0-9a-z]{12}, [\d-]{10}", r"\1 k3v9x2m7q4ta, 2026-11-21", text)
    text = re.sub(r"score \d\.\d\d", "score 0.85", text)
    text = re.sub(r'("id":")[0-9a-z]{12}', r"\g<1>k3v9x2m7q4ta", text)
    text = re.sub(r"(Task created: |\(id )[0-9a-z]{8}\b", r"\g<1>t4k9w2xz", text)
    text = re.sub(r"^lra \d\S*", "lra 0.1.0", text, flags=re.MULTILINE)
    return re.sub(r" \(\d+\.\d s\)|\d+\.\d s ", "", text)


def at_rest(terminal: Terminal) -> bool:
    return terminal.line == ">" and terminal.cursor[0] == 2


def walk(home: Path) -> str:
    """Go the newcomer's way; returns the frames as Markdown."""
    tour = Tour(home)

    def say(terminal: Terminal, text: str, *until: str | Callable[[Terminal], bool]) -> None:
        terminal.send(text + "\r")
        for what in until:
            terminal.wait(what)
        terminal.wait(at_rest)

    with tour.starts("monday") as first:
        first.wait("it for help.")
        first.wait(lambda it: it.screen[-1].startswith("offline"))
        tour.frame("It starts at once; without any key it uses the built-in offline model.", first)
        say(first, "remember that my dog is called Rex", "✎ remembered", "I will remember:", "1 memory")
        say(first, "add task buy a lead for Rex", "Task added:", "1 task open")
        tour.frame("What it remembers is said, and one key undoes it.", first, since="> remember")
        first.press("ctrl-d")
        assert first.end() == 0
    with tour.starts("tuesday") as second:
        second.wait("1 memory")
        say(second, "what is my dog called?", "↺ recalled", "You told me", "context")
        second.send("/why\r")
        second.wait("or Enter:")
        second.wait(lambda it: it.line.endswith("or Enter:"))
        tour.frame("Another day, another folder: it knows, and `/why` says from where.", second, since="> what")
        second.press("enter")
        second.wait(at_rest)
        second.send("/re")
        second.wait("/resume [ID]")
        tour.frame("A slash lists the commands.", second, since="> /re")
        second.press("ctrl-c")
        second.wait(at_rest)
        second.send("/resume\r")
        second.wait("Resume:")
        second.wait("    > remember that")
        tour.frame(
            "Conversations are found by their words, and shown before they are opened.", second, since="> /resume"
        )
        second.press("escape")
        second.wait(at_rest)
        second.press("ctrl-d")
        assert second.end() == 0
    return tour.text


def section(readme: str) -> str:
    return readme.partition(BEGIN)[2].partition(END)[0].strip("\n")


def test_the_readme_shows_what_the_program_shows(home: Path) -> None:
    shown = section(README.read_text(encoding="utf-8"))
    assert shown == walk(home), "the program shows something else now; python -m tests.chat.test_tour writes it anew"


def test_what_changes_each_time_is_made_steady() -> None:
    lines = ["Stored in memory (id=eqvtr8pff6kb) (1.2 s)", "Kept. Come back with: lra chat -r abcdefgh1234"]
    assert steady(lines) == ("Stored in memory (id=k3v9x2m7q4ta)\nKept. Come back with: lra chat -r k3v9x2m7q4ta")


def main() -> None:
    """Write the tour into the README."""
    readme = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        tour = walk(Path(folder))
    before, _, rest = readme.partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{tour}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
    sys.exit()
