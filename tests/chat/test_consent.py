"""Asking for consent in the middle of a turn, in the real program."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, call, say
from tests.support.terminal import Terminal, plain_env

PROGRAM = [sys.executable, "-m", "tests.chat.consenting", "chat"]


@pytest.fixture
def chat(start: Start, model_env: dict[str, str]) -> Terminal:
    terminal = start(argv=PROGRAM, **model_env)
    terminal.prompt()
    return terminal


def asked(chat: Terminal, server: ModelServer, **args: Any) -> None:
    """Bring the conversation to the question."""
    server.script(say("", call("write_file", **{"path": "a.txt", **args})), say("Done."), default=say("Done again."))
    chat.send("write it\r")
    chat.wait("Allow it?")


def results(server: ModelServer) -> list[str]:
    return [str(message.text) for message in server.last_messages() if message.role == "tool"]


def test_yes_once(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server, text="hello")
    assert '? write_file(path="a.txt", text="hello")' in chat.text
    assert "It changes your files." in chat.text
    chat.send("y\r")
    chat.wait("Done.")
    chat.prompt()
    assert results(model_server) == ["written a.txt"]
    assert "✓ allowed write_file" in chat.text
    # Nothing of the question is left behind.
    assert "Allow it?" not in chat.text


def test_no_with_a_reason_goes_to_the_model(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server)
    chat.send("n, use b.txt\r")
    chat.wait("✗ refused write_file: use b.txt")
    chat.prompt()
    assert results(model_server) == ["refused: use b.txt"]


def test_a_command_is_no_reason(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server)
    chat.send("/permision\r")
    chat.wait("did you mean /permissions?")
    chat.wait(lambda it: "The question comes first" in it.text and it.line.startswith("Allow it?"))
    chat.send("/permissions\r")
    chat.wait(lambda it: it.text.count("The question comes first") == 2 and it.line.startswith("Allow it?"))
    chat.send("y\r")
    chat.wait("Done.")
    # It waits in the prompt.
    chat.wait(lambda it: it.line == "> /permissions")
    assert results(model_server) == ["written a.txt"]


def test_with_vi_keys_an_answer_is_typed_whatever_the_draft_was_in(chat: Terminal, model_server: ModelServer) -> None:
    chat.tell("/keys vi", "the keys of vi")
    model_server.script(say("", call("build", lines=20)), say("", call("write_file", path="a.txt")), say("Done."))
    chat.send("do it\r")
    chat.wait("step 2")
    chat.send("abc")
    chat.press("escape")
    chat.wait("Allow it?")
    time.sleep(0.5)
    chat.send("y\r")
    chat.wait("✓ allowed write_file")
    chat.wait("Done.")


def test_for_this_session_is_not_asked_again(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server)
    chat.send("s\r")
    chat.wait("Done.")
    chat.prompt()
    model_server.script(say("", call("write_file", path="b.txt")), say("Twice."))
    chat.send("again\r")
    chat.wait("Twice.")
    assert results(model_server)[-1] == "written b.txt"


def test_always_shows_its_rule_and_holds_after_a_restart(
    chat: Terminal, start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    asked(chat, model_server)
    chat.send("a\r")
    chat.wait("Add this rule?")
    assert '  allow = "write_file"' in chat.text
    assert "This rule would be added to ~/.config/lra/permissions.toml:" in chat.text
    chat.send("n\r")
    chat.wait("Allow it?")
    chat.send("a\r")
    chat.wait("Add this rule?")
    chat.send("y\r")
    chat.wait("✓ allowed write_file from now on")
    chat.prompt()
    chat.send("/permissions\r")
    chat.wait(lambda it: "1  allow write_file" in it.text and "  ~/.config/lra/permissions.toml:4" in it.text)
    assert "this session" not in chat.text
    chat.send("/exit\r")
    chat.end()
    later = start(argv=PROGRAM, **model_env)
    later.prompt()
    model_server.script(say("", call("write_file", path="b.txt")), say("Twice."))
    later.send("again\r")
    later.wait("Twice.")
    assert "Allow it?" not in later.text
    later.prompt()
    later.send("/permissions remove 1\r")
    later.wait("Taken out: allow write_file")
    later.send("/permissions deny write_file path=c*\r")
    later.wait("Added to ~/.config/lra/permissions.toml: deny write_file")
    model_server.script(say("", call("write_file", path="c.txt")), say("Refused then."))
    later.send("and c\r")
    later.wait("Refused then.")
    assert results(model_server)[-1] == 'Not run: A rule says so: deny write_file when path="c*".'


def test_a_long_path_and_a_long_rule_are_shown_whole(
    start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    config = home / "a folder for settings" / ("very" * 20 + "-long")
    chat = start(argv=PROGRAM, COLUMNS="40", LINES="12", XDG_CONFIG_HOME=str(config), **model_env)
    chat.prompt()
    url = f"https://docs.{'example-of-a-long-name.' * 4}org/page"
    asked(chat, model_server, url=url)
    chat.send("a\r")
    chat.wait("Add this rule?")
    assert any("v shows all of it" in line for line in chat.screen)
    chat.send("v\r")
    chat.wait(lambda it: "when = {" in it.text and it.line == "Add this rule? [y/N]")
    shown = "".join(line.strip() for line in chat.lines)
    assert f"{str(config).removeprefix(str(home))}/lra/permissions.toml:".replace(" ", "") in shown.replace(" ", "")
    assert f"host = {json.dumps(url.split('/')[2])}".replace(" ", "") in shown.replace(" ", "")
    chat.send("y\r")
    chat.wait("Done.")
    assert 'allow = "write_file"' in (config / "lra" / "permissions.toml").read_text()


def test_edited_arguments(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server)
    chat.send("e\r")
    chat.wait('"path": "a.txt"')
    # The whole text is replaced: first by what is no JSON, then by what is.
    for _ in range(60):
        chat.press("backspace")
    chat.send("nonsense\r")
    chat.wait("That is no JSON")
    for _ in range(60):
        chat.press("backspace")
    chat.send('{"path": "c.txt"}\r')
    chat.wait('✓ allowed write_file(path="c.txt")')
    chat.prompt()
    assert results(model_server) == ["written c.txt"]


def test_long_arguments_are_cut_and_shown_whole_on_request(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server, text="\n".join(f"row {number}" for number in range(30)))
    assert "row 1" in chat.text
    assert "row 29" not in chat.text
    chat.wait("more lines")
    chat.send("v\r")
    chat.wait("row 29")
    chat.wait("Allow it?")
    chat.send("y\r")
    chat.wait("Done.")


def test_what_is_being_typed_is_no_answer(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("", call("write_file", path="a.txt"), hold=0), say("Done."))
    chat.send("write it\r")
    model_server.wait_held(timeout=20)
    chat.send("yes and ")
    chat.wait(lambda it: it.line == "> yes and")
    model_server.release()
    for letter in "then more":
        chat.send(letter)
        time.sleep(0.05)
    chat.wait("Allow it?")
    chat.send("n\r")
    chat.wait("✗ refused write_file")
    # The draft comes back as it was.
    chat.wait(lambda it: it.line == "> yes and then more")
    assert results(model_server) in ([], ["refused: no"])


@pytest.mark.parametrize(("columns", "rows"), [("40", "8"), ("20", "5")])
def test_a_small_terminal_shows_what_and_why(
    start: Start, model_server: ModelServer, model_env: dict[str, str], columns: str, rows: str
) -> None:
    chat = start(argv=PROGRAM, COLUMNS=columns, LINES=rows, **model_env)
    chat.prompt()
    asked(chat, model_server, text="\n".join(f"row {number}" for number in range(30)))
    chat.wait("? write_file")
    if rows == "8":
        assert any("v shows all of it" in line for line in chat.screen)
        assert "  It changes your files." in chat.screen
    assert any(line.startswith("? write_file") for line in chat.screen)
    assert not any("row 9" in line for line in chat.screen)
    chat.send("y\r")
    chat.wait("Done.")


@pytest.mark.parametrize("key", ["escape", "ctrl-c"])
def test_escape_refuses_and_stops_the_turn(chat: Terminal, model_server: ModelServer, key: str) -> None:
    asked(chat, model_server)
    chat.send("half a reason")
    chat.wait(lambda it: it.line.endswith("half a reason"))
    chat.press(key)
    chat.wait("Stopped.")
    chat.prompt()
    assert "not allowed" not in chat.text
    chat.press("up")
    chat.wait(lambda it: it.line == "> half a reason")
    chat.press("ctrl-u")
    assert len(model_server.requests) == 1
    chat.send("go on\r")
    chat.wait("Done.")
    assert results(model_server) == ["Not run: the turn was stopped while the person was asked about it."]


def test_escape_leaves_the_editor_of_arguments_for_the_question(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server)
    chat.send("e\r")
    chat.wait(lambda it: it.line.startswith("Arguments:") or '"path"' in it.line or "}" in it.line)
    chat.press("escape")
    chat.wait(lambda it: it.line.startswith("Allow it?"))
    chat.send("y\r")
    chat.wait("Done.")
    assert results(model_server) == ["written a.txt"]


def test_the_bell_rings_unless_the_terminal_has_the_focus(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server)
    assert b"\a" in chat.raw
    chat.send("y\r")
    chat.wait("Done.")
    chat.prompt()
    rings = chat.raw.count(b"\a")
    chat.send("\x1b[I")
    asked(chat, model_server)
    assert chat.raw.count(b"\a") == rings
    assert "[I" not in chat.text
    chat.send("y\r")
    chat.wait(lambda it: it.text.count("✓ allowed") == 2)
    chat.send("\x1b[O")
    model_server.script(say("", call("write_file", path="b.txt")), say("Thrice."))
    chat.send("once more\r")
    chat.wait("Allow it?")
    assert chat.raw.count(b"\a") == rings + 1


def test_plain(start: Start, model_server: ModelServer, model_env: dict[str, str]) -> None:
    chat = start(argv=[*PROGRAM, "--plain"], **model_env)
    chat.prompt()
    asked(chat, model_server, text="hello")
    assert '? write_file(path="a.txt", text="hello")' in chat.text
    chat.send("y\r")
    chat.wait("Done.")
    assert results(model_server) == ["written a.txt"]
    assert b"\x1b" not in chat.raw


def test_as_a_line_protocol(home: Path, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(
        say("", call("write_file", path="a.txt")), say("", call("write_file", path="b.txt")), say("Done.")
    )
    process = subprocess.Popen(
        [*PROGRAM, "-p", "go", "--output-format", "stream-json"],
        env=plain_env(home, **model_env),
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = iter([{"approved": True, "args": {"path": "c.txt"}}, {"approved": False, "reason": "not that"}])
    outcomes = []
    for line in process.stdout:
        event = json.loads(line)
        if event["type"] == "approval_requested":
            assert event["name"] == "write_file"
            assert event["reason"] == "It changes your files."
            process.stdin.write("noise\n")
            answer = {"type": "approval", "call_id": event["call_id"], **next(answers)}
            process.stdin.write(json.dumps(answer) + "\n")
            process.stdin.flush()
        elif event["type"] == "approval_resolved":
            outcomes.append((event["approved"], event["reason"]))
    assert process.wait(20) == 0
    assert outcomes == [(True, ""), (False, "not that")]
    assert results(model_server) == ["written c.txt", "refused: not that"]


def test_lasting_answers_over_the_line_protocol(
    home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(
        say("", call("write_file", path="a.txt")),
        say("", call("write_file", path="b.txt")),
        say("Done."),
    )
    process = subprocess.Popen(
        [*PROGRAM, "-p", "go", "--output-format", "stream-json"],
        env=plain_env(home, **model_env),
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    rules = []
    for line in process.stdout:
        event = json.loads(line)
        if event["type"] == "approval_requested":
            rules.append(event["rule"])
            answer = {"type": "approval", "call_id": event["call_id"], "approved": True, "always": True}
            process.stdin.write(json.dumps(answer) + "\n")
            process.stdin.flush()
    assert process.wait(20) == 0
    assert rules == ["allow write_file"]
    assert results(model_server) == ["written a.txt", "written b.txt"]
    (written,) = home.rglob("permissions.toml")
    assert 'allow = "write_file"' in written.read_text()


def test_a_refusal_that_leaves_no_answer_is_exit_code_4(
    home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("", call("write_file", path="a.txt")), default=say(""))
    done = subprocess.run(
        [*PROGRAM, "-p", "go"],
        env=plain_env(home, **model_env),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "There is no answer, since it needed what was refused: write_file." in done.stderr


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            "ask",
            "refused: Nobody can be asked here. Standard input has ended, where answers to stream-json are read."
            " Keep it open, or use --approve auto to allow what would be asked.",
        ),
        ("auto", "written a.txt"),
        ("deny", "refused: The settings refuse it."),
    ],
)
def test_nobody_there(
    home: Path, model_server: ModelServer, model_env: dict[str, str], policy: str, expected: str
) -> None:
    model_server.script(say("", call("write_file", path="a.txt")), say("Done."))
    done = subprocess.run(
        [*PROGRAM, "-p", "go", "--output-format", "stream-json", "--approve", policy],
        env=plain_env(home, **model_env),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert results(model_server) == [expected]


def test_what_follows_the_answer_in_one_breath_is_a_message(chat: Terminal, model_server: ModelServer) -> None:
    asked(chat, model_server)
    time.sleep(0.6)
    chat.send("y\rand now the next thing\r")
    chat.wait("Done again.")
    chat.prompt()
    assert "> and now the next thing\nDone again." in chat.text
    assert [str(it.text) for it in model_server.last_messages() if it.role == "user"][-1].startswith("and now the next")
