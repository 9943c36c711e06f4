"""What `lra chat` makes of its options and of standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lra.chat
from lra.chat.options import ChatOptions
from lra.cli.app import command
from lra.cli.chat import fill_print
from lra.errors import UsageError

Parse = Callable[..., ChatOptions]


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Parse:
    """Parses a command line with something on standard input and returns what the front is given."""
    seen: list[ChatOptions] = []

    def run(options: ChatOptions) -> int:
        seen.append(options)
        return 7

    monkeypatch.setattr(lra.chat, "run", run)
    monkeypatch.setattr("lra.cli.work.quiet_libraries", lambda: None)

    def parsed(*args: str, piped: bytes = b"") -> ChatOptions:
        (tmp_path / "stdin").write_bytes(piped)
        with (tmp_path / "stdin").open(encoding="utf-8") as file:
            monkeypatch.setattr(sys, "stdin", file)
            assert command().main(list(args), prog_name="lra", standalone_mode=False) == 7
        return seen.pop()

    return parsed


def test_every_option_arrives(parse: Parse) -> None:
    assert parse("chat") == ChatOptions()
    assert parse("chat", "-p", "hi", "-c", "--fork", "-m", "offline", "--output-format", "stream-json") == ChatOptions(
        prompt="hi",
        piped=True,
        print_mode=True,
        continue_latest=True,
        fork=True,
        model="offline",
        output_format="stream-json",
    )
    assert parse(
        "chat", "-r", "abc", "--approve", "deny", "--max-cost", "0.5", "--no-memory", "--plain"
    ) == ChatOptions(resume="abc", approve="deny", max_cost=0.5, memory=False, plain=True)


def test_options_without_a_command_are_those_of_chat(parse: Parse) -> None:
    assert parse("-c", "-p", "hi") == ChatOptions(prompt="hi", piped=True, print_mode=True, continue_latest=True)
    assert parse("--model=offline").model == "offline"


def test_text_comes_from_the_option_from_a_pipe_or_from_both(parse: Parse) -> None:
    assert parse("chat", "-p", piped=b"hi\n").prompt == "hi\n"
    assert parse("chat", "-p", "-", piped=b"hi").prompt == "hi"
    assert parse("chat", "-p", "--plain", piped=b"hi") == ChatOptions(prompt="hi", print_mode=True, plain=True)
    assert parse("chat", "-cp", piped=b"hi").continue_latest
    # What is piped in beside a text is read while everything else is opened.
    assert parse("chat", "-p", "Explain:", piped=b"code") == ChatOptions(prompt="Explain:", piped=True, print_mode=True)
    assert parse("chat", "--print=--plain").prompt == "--plain"
    assert parse("chat", "-p", "- a list").prompt == "- a list"
    assert parse(piped=b"hi") == ChatOptions(prompt="hi", print_mode=True)


def test_any_bytes_become_text(parse: Parse) -> None:
    prompt = parse("chat", "-p", piped=bytes(range(256)) * 4).prompt
    assert prompt is not None
    assert "\0" not in prompt
    prompt.encode()
    large = "é" * 600_000
    assert parse("chat", "-p", piped=large.encode()).prompt == large
    assert parse("chat", "-p", "\udcff argument").prompt == "\ufffd argument"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["-p"], "no text"),
        (["-p", ""], "no text"),
        (["-p", " \n"], "no text"),
        (["-c", "-r", "x"], "two sessions"),
        (["--fork"], "--fork needs"),
        (["--output-format", "json"], "with -p only"),
        (["--max-cost", "0"], "above 0"),
        (["--max-cost", "nan"], "above 0"),
        (["--max-cost", "inf"], "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(parse: Parse, args: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse("chat", *args, piped=b" \n")


def test_only_a_lonely_print_gets_an_empty_text() -> None:
    known = {"-p", "--print", "-c", "-r", "--plain"}
    cases: dict[str, list[str]] = {
        "-p": ["-p", ""],
        "-p -c": ["-p", "", "-c"],
        "-p hi -c": ["-p", "hi", "-c"],
        "-r -p": ["-r", "-p"],
        "-phi": ["-phi"],
        "-cp": ["-cp", ""],
        "-- -p": ["--", "-p"],
        "-p -5": ["-p", "-5"],
        "-p -p": ["-p", "", "-p", ""],
    }
    for line, expected in cases.items():
        assert fill_print(line.split(), known) == expected, line
