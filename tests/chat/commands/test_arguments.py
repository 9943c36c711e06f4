"""Arguments that a slash command cannot take are said, with what to write instead; nothing else is done with them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lra.chat.commands.editing import editor_command
from lra.errors import UsageError


def chat(*lines: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lra", "chat"],
        input="".join(f"{line}\n" for line in lines),
        env={**os.environ, "LRA_MODEL": "offline", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def kept() -> None:
    assert "remembered “My cat is called Tom”" in chat("/remember My cat is called Tom")


@pytest.mark.usefixtures("kept")
def test_a_word_that_does_something_to_a_memory_says_what_it_takes() -> None:
    said = chat(
        "/memory blame my cat",
        "/memory pin cat",
        "/memory Tag cat pet",
        "/memory tag cat",
        "/memory history",
        "/memory undo the cat",
        "/memory asof last week",
        "/memory diff 2026-01-01",
    ).splitlines()[1:]
    search = "Words are searched for with /memory search"
    assert said == [
        f"/memory blame takes the id of a memory. {search} blame my cat",
        f"/memory pin takes the id of a memory: There is no memory 'cat'. /memory WORDS finds the id. {search} pin cat",
        "/memory tag takes the id of a memory and tags: There is no memory 'cat'."
        f" /memory WORDS finds the id. {search} Tag cat pet",
        f"/memory tag takes the id of a memory and tags. {search} tag cat",
        f"/memory history takes the id of a memory. {search} history",
        f"/memory undo takes nothing more. {search} undo the cat",
        f"/memory asof takes a date. {search} asof last week",
        f"/memory diff takes two dates. {search} diff 2026-01-01",
    ]


@pytest.mark.usefixtures("kept")
def test_words_that_begin_like_a_command_are_searched_for_when_asked_to() -> None:
    said = chat("/remember The pin code of the safe lies in the desk", "/memory search pin code", "/memory the cat")
    assert "The pin code of the safe lies in the desk (" in said
    assert "My cat is called Tom (" in said
    assert "takes the id" not in said


def test_the_other_lists_say_which_one_they_want() -> None:
    said = chat(
        "/tasks add water the plants",
        "/tasks Done the plants",
        "/tasks done",
        "/tasks Start 1",
        "/permissions allow",
        "/permissions remove",
        "/mcp restart",
        "/agents nobody at all",
        "/agents stop anybody",
        "/tools nothing of this name",
        "/skills nothing",
    )
    for sentence in (
        "There is no task 'the plants'. /tasks all lists them with their numbers.",
        "Say which: /tasks done N. /tasks lists them with their numbers.",
        "[~] water the plants: in progress.",
        "Say which: /permissions allow TOOL. /tools lists the tools.",
        "Say which: /permissions remove N. /permissions lists the rules with their numbers.",
        "Say which: /mcp restart NAME. /mcp lists them.",
        "There is no specialist 'nobody at all'. There are: ",
        "No specialist works now.",
        "There is no tool 'nothing of this name'. /tools lists them.",
        "There are no skills.",
    ):
        assert sentence in said


@pytest.mark.usefixtures("kept")
def test_an_export_goes_to_no_place_that_a_link_leads_to(tmp_path: Path) -> None:
    link, beyond = tmp_path / "out.md", tmp_path / "beyond"
    link.symlink_to(beyond)
    said = chat("hello there", f"/export {link}")
    assert "is there already and was left as it is." in said
    assert not beyond.exists()


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR"])
def test_an_editor_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv(name, "vim 'half")
    with pytest.raises(UsageError, match=f"{name} cannot be read: No closing quotation"):
        editor_command()


@pytest.mark.usefixtures("kept")
def test_a_number_without_end_is_none() -> None:
    number = "9" * 5_000
    said = chat(
        "remember that my dog is called Rex",
        *(f"/{command} {number}" for command in ("expand", "rewind", "fork", "agents", "permissions remove", "copy")),
        "what is my cat called?",
        f"/why forget {number}",
    )
    assert "went wrong" not in said
    for told in ("is no number of a result", "is no turn number", "has no turn 999", "There is no specialist '999"):
        assert told in said
    assert "There is no rule '999" in said
    assert "/why does not know 'forget 999" in said
