"""Help, the root command, and what start-up may import."""

from __future__ import annotations

import json

import pytest

from lra.cli.app import COMMANDS, load

from .conftest import Cli

FORBIDDEN = {
    "sqlalchemy",
    "aiosqlite",
    "alembic",
    "pydantic",
    "pydantic_ai",
    "prompt_toolkit",
    "chromadb",
    "numpy",
    "httpx",
    "asyncio",
    "platformdirs",
    "lra.store",
    "lra.memory",
    "lra.chat",
    "lra.config",
    "lra.cli.chat",
    "lra.cli.memory",
}
PROBE = """
import json, sys
sys.argv = ["lra", *{args!r}]
from lra.cli import main
try:
    main()
except SystemExit as end:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def _modules(cli: Cli, *args: str) -> set[str]:
    done = cli.python("-c", PROBE.format(args=list(args)))
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_imports_nothing_heavy(cli: Cli) -> None:
    assert not _modules(cli, "--help") & FORBIDDEN


def test_help_of_a_command_imports_no_store(cli: Cli) -> None:
    heavy = {"sqlalchemy", "pydantic_ai", "prompt_toolkit", "chromadb", "numpy", "lra.store", "lra.memory", "httpx"}
    assert not _modules(cli, "memory", "search", "--help") & heavy


def test_config_imports_no_store_and_creates_nothing(cli: Cli) -> None:
    loaded = _modules(cli, "config")
    assert not loaded & {"sqlalchemy", "pydantic_ai", "prompt_toolkit", "chromadb", "numpy", "lra.store", "httpx"}
    assert not cli.home.exists()


def test_help_lists_every_command(cli: Cli) -> None:
    result = cli("--help")
    assert result.code == 0
    assert result.err == ""
    for name in COMMANDS:
        assert f" {name} " in result.out
    assert not cli.home.exists()


def test_every_listed_command_has_help() -> None:
    for name, (place, _) in COMMANDS.items():
        assert load(place).help, name


def test_version(cli: Cli) -> None:
    from lra import __version__

    assert cli("--version").out == f"lra {__version__}\n"


def test_a_misspelt_command_gets_a_suggestion(cli: Cli) -> None:
    result = cli("sesions")
    assert result.code == 2
    assert result.out == ""
    assert result.err == "lra: No such command 'sesions'. Did you mean 'sessions'? See `lra --help`.\n"


@pytest.mark.parametrize(
    "args",
    [
        ["--bogus"],
        ["tasks", "add"],
        ["tasks", "list", "-n", "0"],
        ["memory", "search", "x", "--scope", "everything"],
        ["sessions", "export", "x", "--format", "pdf"],
    ],
)
def test_a_wrong_command_line_ends_with_2(cli: Cli, args: list[str]) -> None:
    result = cli(*args)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("lra: ")
    assert result.err.count("\n") == 1


def test_without_a_terminal_and_text_there_is_nothing_to_do(cli: Cli) -> None:
    result = cli(stdin=" \n ")
    assert result.code == 2
    assert "no text to answer" in result.err


def test_a_missing_data_folder_that_cannot_be_made(cli: Cli) -> None:
    blocker = cli.root / "file"
    blocker.write_text("")
    result = cli("tasks", "list", env={"LRA_HOME": str(blocker / "x")})
    assert result.code == 1
    assert result.err.startswith("lra: The database")


def test_a_wrong_setting_ends_with_3(cli: Cli) -> None:
    result = cli("tasks", "list", env={"DATABASE_URL": "nonsense"})
    assert result.code == 3
    assert "DATABASE_URL from environment" in result.err
