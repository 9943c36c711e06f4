"""Working on a folder, in the real program: the changes stand above the question, and go where the answer says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat.conftest import Start
from tests.support.terminal import Terminal


@pytest.fixture
def project(home: Path) -> Path:
    root = home / "work" / "project"
    root.mkdir()
    (root / "a.txt").write_text("one\nsame\n")
    return root


@pytest.fixture
def chat(start: Start, project: Path, local_env: dict[str, str]) -> Iterator[Terminal]:
    terminal = start("--workspace", str(project), LRA_MODEL="offline", LINES="40", **local_env)
    terminal.prompt()
    yield terminal
    terminal.close()


@pytest.mark.parametrize(("key", "kept"), [("y", "two\nsame\n"), ("n", "one\nsame\n")])
def test_changes_are_shown_and_then_asked_about(chat: Terminal, project: Path, key: str, kept: str) -> None:
    chat.send("run: `open('a.txt', 'w').write('two\\nsame\\n')`\r")
    chat.wait("Allow it?", timeout=30)
    assert "1 file changed in the sandbox's copy of" in chat.text
    assert "- one" in chat.text
    assert "+ two" in chat.text
    assert (project / "a.txt").read_text() == "one\nsame\n"
    chat.send(f"{key}\r")
    chat.wait("Wrote 1 of 1 changed files" if key == "y" else "Nothing was written")
    chat.prompt()
    assert (project / "a.txt").read_text() == kept


def test_what_is_said_to_the_changes_is_what_comes_next(chat: Terminal, project: Path) -> None:
    chat.send("run: `open('a.txt', 'w').write('two\\nsame\\n')`\r")
    chat.wait("Allow it?", timeout=30)
    chat.send("my favourite colour is green\r")
    chat.wait("✗ refused apply_changes: my favourite colour is green")
    chat.wait("> my favourite colour is green")
    chat.wait("✎ remembered “My favourite colour is green”")
    chat.prompt()
    assert (project / "a.txt").read_text() == "one\nsame\n"


def test_only_the_files_are_edited(chat: Terminal, project: Path) -> None:
    chat.send("run: `open('a.txt', 'w').write('two\\nsame\\n'); open('b.txt', 'w').write('b')`\r")
    chat.wait("Allow it?", timeout=30)
    chat.send("e\r")
    chat.wait("Arguments:")
    chat.wait(lambda it: '"b.txt (new, 1 B)"' in it.text.rpartition("Arguments:")[2])
    assert '"patch"' not in chat.text.rpartition("Arguments:")[2]
    chat.press(*["ctrl-u", "backspace"] * 8)
    chat.send('{"files": ["b.txt (new, 1 B)"]}\r')
    chat.wait('✓ allowed apply_changes(files=["b.txt (new, 1 B)"])')
    chat.wait("Wrote 1 of 2 changed files")
    chat.prompt()
    assert (project / "b.txt").read_text() == "b"
    assert (project / "a.txt").read_text() == "one\nsame\n"


def test_what_was_refused_can_be_looked_at_and_written_later(chat: Terminal, project: Path) -> None:
    chat.send("run: `open('a.txt', 'w').write('two\\nsame\\n')`\r")
    chat.wait("Allow it?", timeout=30)
    chat.send("n\r")
    chat.wait("Nothing was written")
    chat.prompt()
    chat.send("/changes\r")
    chat.wait("Write this file to")
    chat.send("y\r")
    chat.wait("Wrote 1 of 1 changed files.")
    chat.prompt()
    assert (project / "a.txt").read_text() == "two\nsame\n"
    chat.send("/changes\r")
    chat.wait("holds no changes to")
    chat.prompt()
