"""Asking for consent in the middle of a turn."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lra.chat.approval import Request, arguments_from, verdict
from lra.chat.queue import Pending
from lra.chat.screen import Screen
from lra.chat.turns import TurnFront
from lra.chat.width import cells
from lra.policy import Policy, propose
from lra.tools.consent import Answer, Lasting


class Answers:
    """A reader that gives prepared answers."""

    def __init__(self, *answers: str | BaseException) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.questions: list[str] = []

    async def ask(self, question: str, *, fresh: bool = False, default: str = "") -> str:
        assert fresh or self.asked, "keys typed before the question must not give consent"
        self.asked += 1
        self.questions.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def front(*answers: str | BaseException) -> tuple[TurnFront, Any]:
    fired: list[int] = []
    chat = SimpleNamespace(
        screen=Screen(plain=True, out=io.StringIO()),
        reader=Answers(*answers),
        asking=asyncio.Lock(),
        leaving=False,
        pending=Pending(),
        interrupts=SimpleNamespace(fire=lambda: fired.append(1)),
        fired=fired,
        settings=SimpleNamespace(home=Path("nowhere"), approval="ask"),
        call_for=lambda _text: None,
        session=SimpleNamespace(rules=SimpleNamespace(policy=Policy())),
    )
    return TurnFront(chat), chat  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("y", True),
        ("YES", True),
        ("s", Lasting("session")),
        ("", False),
        ("n", False),
        ("use the other file", "use the other file"),
    ],
)
async def test_answers(answer: str, expected: Answer) -> None:
    turns, chat = front(answer)
    assert await turns.approve("write_file", {"path": "a"}, "it writes") == expected
    assert '? write_file(path="a")\n  it writes\n' in chat.screen._out.getvalue()


async def test_the_session_counts_for_this_tool_alone() -> None:
    turns, chat = front("s", "n")
    assert await turns.approve("one", {}, "") == Lasting("session")
    chat.session.rules.policy.allow_in_session(propose("one", {}))
    assert await turns.approve("one", {}, "") is True
    assert await turns.approve("two", {}, "") is False
    assert chat.reader.asked == 2


async def test_a_lasting_yes_shows_its_rule_first() -> None:
    turns, chat = front("a", "n", "always", "y")
    answer = await turns.approve("web_fetch", {"url": "https://docs.python.org/3/"}, "it reaches the web")
    assert answer == Lasting("always")
    assert chat.reader.questions[1] == chat.reader.questions[3] == "Add this rule? [y/N] "
    text = chat.screen._out.getvalue()
    assert text.count('  allow = "web_fetch"\n  when = { host = "docs.python.org" }\n') == 2
    assert "allowed web_fetch from now on" in text


async def test_what_no_rule_may_allow_is_asked_every_time() -> None:
    turns, chat = front("a", "s", "y")
    assert await turns.approve("write_memory", {}, "", lasting=False) is True
    assert all("[a]lways" not in question for question in chat.reader.questions)
    assert chat.screen._out.getvalue().count("This is asked every time") == 2


async def test_ctrl_c_refuses_and_stops_the_turn() -> None:
    turns, chat = front(KeyboardInterrupt())
    assert await turns.approve("one", {}, "") is False
    assert chat.fired == [1]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("no, ask me first", ("no", "ask me first")),
        ("n: later", ("no", "later")),
        ("nowhere near that", ("no", "nowhere near that")),
        (" E ", ("edit", "")),
        ("v", ("all", "")),
    ],
)
def test_verdicts(answer: str, expected: tuple[str, str]) -> None:
    assert verdict(answer) == expected


def test_edited_arguments_are_an_object() -> None:
    assert arguments_from('{"a": 1}') == {"a": 1}
    assert "JSON object" in str(arguments_from("[1]"))
    assert "no JSON" in str(arguments_from("{"))


def test_many_arguments_are_cut_to_the_width_and_the_rest_is_told() -> None:
    request = Request("write", {"path": "字" * 60, "text": "\n".join(str(number) for number in range(20))}, "why not")
    lines = [text for text, _style in request.shown(40)]
    assert lines[0] == "? write"
    assert all(cells(line) <= 40 for line in lines)
    assert lines[1] == "  why not"
    assert lines[-1] == "  … 16 more lines · v shows all of it"
    assert request.arguments[-1] == "    19"


def test_what_is_asked_reads_as_what_is_done() -> None:
    # Shown as they are, the first two would turn the name of the host round, and the third hide in it.
    request = Request("web_fetch", {"url": "https://safe.example/\u202emoc.live\u202c/\u200bx"}, "It reaches the web.")
    for columns in (200, 30):
        said = "\n".join(text for text, _ in request.shown(columns)) + "\n".join(request.arguments)
        assert not set(said) & set("\u202e\u202c\u200b")
        assert "\\u202emoc.live\\u202c" in said
    assert Request("say", {"text": "👩‍💻 می‌خواهم שלום"}, "").shown(200)[0][0] == '? say(text="👩‍💻 می‌خواهم שלום")'
