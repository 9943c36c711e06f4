"""The first minutes of somebody who has just installed the program and set nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say


def test_it_remembers_in_another_folder_after_a_restart(start: Start, home: Path, tmp_path: Path) -> None:
    first = start()
    first.prompt()
    assert "/help" in first.text
    first.wait("offline model")
    first.send("remember that my dog is called Rex\r")
    first.wait("✎ remembered “My dog is called Rex”")
    first.prompt()
    first.press("ctrl-d")
    assert first.end() == 0
    assert "lra chat -r " in first.text
    assert first.mode == first.first_mode

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    second = start(cwd=elsewhere)
    second.prompt()
    assert "Welcome" not in second.text
    second.send("what is my dog called?\r")
    second.wait("↺ recalled")
    second.prompt()
    answer = second.text.rpartition("what is my dog called?")[2]
    assert "Rex" in "\n".join(line for line in answer.splitlines() if line[:1] not in {"↺", "⚙", " "})
    second.press("ctrl-d")
    assert second.end() == 0


def test_a_conversation_goes_on_where_it_was_left(start: Start) -> None:
    first = start()
    first.prompt()
    first.send("remember that the red lamp is broken\r")
    first.wait("remembered")
    first.prompt()
    first.send("/exit\r")
    assert first.end() == 0
    session = first.text.rpartition("lra chat -r ")[2].split()[0]

    again = start("-r", session)
    again.prompt()
    again.wait("> remember that the red lamp is broken")
    again.send("/sessions\r")
    again.wait("* is this one")
    assert f"*  {session}" in again.text
    again.press("ctrl-d")
    assert again.end() == 0
    assert f"lra chat -r {session}" in again.text


def test_how_to_come_back_works_where_the_shell_does_not_find_the_program(start: Start) -> None:
    installed = Path(sys.executable).parent
    for path, called in (("/usr/bin:/bin", rf"{re.escape(str(installed))}/lra"), (f"{installed}:/usr/bin:/bin", "lra")):
        chat = start(PATH=path)
        chat.prompt()
        chat.send("hello\r")
        chat.wait("Hello.")
        chat.prompt()
        chat.press("ctrl-d")
        assert chat.end() == 0
        said = re.search(r"Come back with: (.*)", chat.text.replace("\n", ""))
        assert said, chat.text
        assert re.fullmatch(rf"{called} chat -r [a-z0-9]{{12}}", said[1])


def test_leaving_at_once_is_quick_and_keeps_nothing(start: Start, home: Path) -> None:
    terminal = start()
    terminal.prompt()
    terminal.press("ctrl-d")
    assert terminal.end(5) == 0
    assert "lra chat -r" not in terminal.text
    assert terminal.mode == terminal.first_mode


def test_a_wrong_model_name_is_one_sentence(start: Start) -> None:
    terminal = start(LRA_MODEL="nonsense")
    terminal.prompt()
    terminal.wait("'nonsense' is no model name")
    assert terminal.end() == 3
    assert terminal.mode == terminal.first_mode


def test_a_line_typed_before_a_failed_opening_is_kept(start: Start) -> None:
    terminal = start(LRA_MODEL="nonsense")
    terminal.prompt()
    terminal.send("do not lose this\r")
    assert terminal.end() == 3
    again = start()
    again.wait("A message that was typed but not sent is kept in session")
    again.prompt()


def test_saving_is_said_and_can_be_skipped(start: Start, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("One."), say("Two."), say("Three."), default=say("A title\n\nA summary.", hold=0))
    terminal = start(**model_env)
    terminal.prompt()
    for word in ("One.", "Two.", "Three."):
        terminal.send("go on\r")
        terminal.wait(word)
        terminal.prompt()
    terminal.press("ctrl-d")
    terminal.wait("saving")
    terminal.send("typed too late\r")
    terminal.wait("queued: typed too late")
    terminal.press("ctrl-c")
    assert terminal.end(3) == 0
    assert "lra chat -r " in terminal.text
    assert "saving" not in terminal.text
    assert "1 queued message not sent; Up brings it back next time." in terminal.text
    assert terminal.mode == terminal.first_mode
