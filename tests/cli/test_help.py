"""Help texts and sentences about a wrong command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperGroup

from lra.cli.app import COMMANDS, command, load

from .conftest import Cli

PYTHON = re.compile(r"<[a-z|]|\[\[|\{|\brange\b|\blist\[|\d<=|\bbool\b|<=x")


def _commands() -> Iterator[tuple[list[str], Any]]:
    yield [], command()
    for name, (place, _) in COMMANDS.items():
        loaded = load(place)
        yield [name], loaded
        for below, each in (loaded.commands if isinstance(loaded, TyperGroup) else {}).items():
            yield [name, below], each


ALL = [(" ".join(words), each) for words, each in _commands()]


@pytest.mark.parametrize(("words", "each"), ALL, ids=[words or "lra" for words, _ in ALL])
def test_options_are_shown_as_they_are_written(words: str, each: Any) -> None:
    import typer

    context = typer.Context(each, info_name=f"lra {words}".strip(), help_option_names=["-h", "--help"])
    assert not PYTHON.search(each.get_usage(context))
    for param in each.get_params(context):
        assert param.help, f"{words}: {param.name} has no help"
        shown = param.display_type_rich(ctx=context) or ""
        assert not PYTHON.search(shown), f"{words}: {param.name} is shown as {shown}"
        assert param._get_number_range_help_str() is None
        takes_value = param.param_type_name == "option" and not param.is_flag
        assert bool(shown) == takes_value, f"{words}: {param.name} is shown as {shown!r}"
        assert ("completion" in param.name) == (words == "" and "completion" in param.name)


def test_what_is_printed_holds_nothing_of_the_language_it_is_written_in(cli: Cli) -> None:
    for words in (["memory", "search"], ["chat"], ["logs"], ["sandbox", "serve"], ["memory", "tag"]):
        for option in ("-h", "--help"):
            shown = cli(*words, option)
            assert shown.code == 0
            assert not PYTHON.search(shown.out), shown.out
            assert "completion" not in shown.out
    assert "Usage: lra memory tag [OPTIONS] ID TAG..." in cli("memory", "tag", "--help").out
    # Paragraphs of the source are one paragraph on the screen.
    assert "Tools give back what they gave then" in " ".join(cli("sessions", "replay", "--help").out.split())
    whole = cli("--help").out
    assert "--install-completion" in whole
    assert "Teach your shell" in whole


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("sessions list -n abc", "--limit / -n: 'abc' is no whole number. See `lra sessions list --help`."),
        ("sessions list -n 1.5", "--limit / -n: '1.5' is no whole number. See `lra sessions list --help`."),
        ("sessions list -n 0", "--limit / -n: 0 is too little; it takes 1 or more. See `lra sessions list --help`."),
        ("logs -n 2000000", "--limit / -n: 2000000 is too much; it takes 1,000,000 or less. See `lra logs --help`."),
        ("chat --max-cost x", "--max-cost: 'x' is no number. See `lra chat --help`."),
        (
            "memory add x --confidence 3",
            "--confidence: 3 is too much; it takes 1 or less. See `lra memory add --help`.",
        ),
        ("sessions list -n", "Option '-n' requires an argument. See `lra sessions list --help`."),
        ("chat --approve", "Option '--approve' requires an argument. See `lra chat --help`."),
        ("config --json=1", "Option '--json' does not take a value. See `lra config --help`."),
        ("--approve", "Option '--approve' requires an argument. See `lra chat --help`."),
        ("sessions rename abc", "Missing argument 'TITLE'. See `lra sessions rename --help`."),
    ],
)
def test_a_wrong_command_line_is_told_in_plain_words(cli: Cli, args: str, said: str) -> None:
    result = cli(*args.split())
    assert result.code == 2
    assert result.err == f"lra: {said}\n"
    assert result.out == ""
