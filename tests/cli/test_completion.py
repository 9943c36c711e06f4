"""Completion in real shells, through the scripts that the program itself gives them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from lra.cli.ids import label
from lra.store import StructuredMemoryStore

from .conftest import SESSION, Cli
from .test_start import FORBIDDEN

EVIL = "\\$(touch pwned) `touch pwned` \"'; touch pwned #*?[a]~{b,c}!! \x1b[31m\nsecond"
TAB = """
source lra.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_lra_completion lra
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def shell(full: Cli) -> Cli:
    """A folder with the program on its path and the script for bash, and a second session with a nasty title."""
    program = full.root / "bin" / "lra"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lra "$@"\n')
    program.chmod(0o755)
    full.env["PATH"] = f"{program.parent}:/usr/bin:/bin"
    script = full("--show-completion", env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert script.code == 2
    (full.folder / "lra.bash").write_text(_script(full, "bash"))

    async def work(store: StructuredMemoryStore) -> None:
        await store.sessions.create(id="def456", title=EVIL)
        task = await store.tasks.create("Done long ago", id="task0002")
        await store.tasks.update(task.id, status="done")

    full.store(work)
    return full


def _script(cli: Cli, shell: str) -> str:
    result = cli("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert result.code == 0, result.err
    return result.out


def tab(cli: Cli, *words: str) -> list[str]:
    """Return what bash offers for the last word."""
    done = subprocess.run(
        ["bash", "--norc", "-c", TAB, "bash", "lra", *words],
        env=cli.environment(),
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stderr == ""
    assert not (cli.folder / "pwned").exists()
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def test_bash_completes_ids_with_their_titles(shell: Cli) -> None:
    titles = [f"{SESSION}  The dog", f"def456  {label(EVIL)}"]
    for words in (
        ["-r", ""],
        ["chat", "--resume", ""],
        ["--resume", "=", ""],
        ["sessions", "show", ""],
        ["sessions", "delete", ""],
        ["sessions", "rename", ""],
        ["sessions", "export", ""],
        ["sessions", "replay", ""],
        ["list-memory", "-s", ""],
        ["tasks", "list", "--session", ""],
    ):
        assert sorted(tab(shell, *words)) == titles, words
        assert tab(shell, *words[:-1], "ab") == [SESSION], words
    assert len(tab(shell, "memory", "forget", "mem")) == 2
    assert tab(shell, "memory", "show", "mem000000002") == ["mem000000002"]
    assert tab(shell, "tasks", "done", "") == ["task0001"]
    assert len(tab(shell, "tasks", "delete", "")) == 2
    assert tab(shell, "sessions", "show", "zzz") == []


def test_bash_completes_commands_and_options(shell: Cli) -> None:
    assert tab(shell, "se") == ["sessions"]
    assert tab(shell, "sessions", "rep") == ["replay"]
    assert tab(shell, "--resu") == ["--resume"]
    assert tab(shell, "--vers") == ["--version"]
    assert tab(shell, "chat", "--output-format", "js") == ["json"]


def test_a_person_in_bash_gets_the_id(shell: Cli) -> None:
    child = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        env=shell.environment() | {"TERM": "dumb", "PS1": "$ "},
        cwd=str(shell.folder),
        encoding="utf-8",
        timeout=30,
    )
    child.sendline("bind 'set enable-bracketed-paste off'; source lra.bash; echo rea''dy")
    child.expect("ready")
    child.send("lra sessions show ab\t--json | head -c 40\r")
    child.expect('"id": "abc123def456"')
    child.sendline("exit")
    child.expect(pexpect.EOF)
    assert not (shell.folder / "pwned").exists()


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_other_shells_are_given_words_that_they_cannot_run(shell: Cli, name: str) -> None:
    asked = {
        "_LRA_COMPLETE": f"complete_{name}",
        "_TYPER_COMPLETE_ARGS": "lra sessions show ",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    result = shell(env=asked)
    assert result.code == 0
    assert "The dog" in result.out
    for char in "$`;\\*?[]{}~!#\x1b":
        assert char not in result.out.replace("'*: :((", "")
    assert "_lra_completion" in _script(shell, name) or name == "fish"


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(shell: Cli) -> None:
    (shell.folder / "lra.fish").write_text(_script(shell, "fish"))
    command = ["fish", "--no-config", "-c", "source lra.fish; complete -C 'lra sessions show '"]
    done = subprocess.run(
        command, env=shell.environment(), cwd=shell.folder, capture_output=True, text=True, check=True
    )
    assert f"{SESSION}\tThe dog" in done.stdout
    assert not (shell.folder / "pwned").exists()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(shell: Cli) -> None:
    (shell.folder / "lra.zsh").write_text(_script(shell, "zsh"))
    child = pexpect.spawn(
        "zsh",
        ["-f", "-i"],
        env=shell.environment() | {"TERM": "dumb"},
        cwd=str(shell.folder),
        encoding="utf-8",
        timeout=30,
    )
    child.sendline("autoload -Uz compinit; compinit -u -D; source ./lra.zsh; echo rea''dy")
    child.expect("ready")
    child.send("lra sessions show ab\t--json | head -c 40\r")
    child.expect('"id": "abc123def456"')
    child.sendline("exit")
    child.expect(pexpect.EOF)
    assert not (shell.folder / "pwned").exists()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_the_first_tab_of_a_new_zsh_is_answered(shell: Cli) -> None:
    env = shell.environment() | {"TERM": "dumb", "SHELL": shutil.which("zsh") or ""}
    child = pexpect.spawn("zsh", ["-f", "-i"], env=env, cwd=str(shell.folder), encoding="utf-8", timeout=30)
    child.sendline("lra --install-completion zsh; echo installed $?")
    child.expect("installed 0")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child = pexpect.spawn("zsh", ["-d", "-i"], env=env, cwd=str(shell.folder), encoding="utf-8", timeout=30)
    child.sendline("echo rea''dy")
    child.expect("ready")
    child.send("lra sessions show ab\t--json | head -c 40\r")
    child.expect('"id": "abc123def456"')
    child.sendline("exit")
    child.expect(pexpect.EOF)


def test_whatever_is_wrong_the_shell_hears_nothing(cli: Cli, tmp_path: Path) -> None:
    asked = {"_LRA_COMPLETE": "complete_bash", "COMP_WORDS": "lra\nsessions\nshow\n", "COMP_CWORD": "3"}
    for wrong in (
        {},
        {"DATABASE_URL": "nonsense"},
        {"LRA_HOME": "/dev/null/x"},
        {"COMP_CWORD": "x"},
        {"_LRA_COMPLETE": "complete_nosuchshell"},
        {"_LRA_COMPLETE": "complete"},
    ):
        result = cli(env=asked | wrong)
        assert (result.out.strip(), result.err) == ("", ""), wrong
    assert not cli.home.exists()
    cli.home.mkdir(parents=True)
    cli.database.write_text("no database")
    assert cli(env=asked).out.strip() == ""


def test_titles_keep_their_pictures_and_lose_what_a_shell_reads() -> None:
    assert label("My walk 日本語 🎉 (fork) [1] <b> & `x`") == "My walk 日本語 🎉 fork 1 b x"


def test_completing_imports_nothing_heavy(full: Cli) -> None:
    full.env |= {"_LRA_COMPLETE": "complete_bash", "COMP_WORDS": "lra\nsessions\nshow\n", "COMP_CWORD": "3"}
    code = "import sys, lra.cli.completing as c; c.complete(); print(*sys.modules)"
    out = full.python("-c", code).stdout
    assert out.startswith(SESSION)
    assert not (FORBIDDEN - {"platformdirs", "lra.config", "pydantic", "asyncio"}) & set(out.split())


def test_installing_it_is_a_line_in_the_shells_own_file(cli: Cli) -> None:
    env = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    rc = cli.root / "home" / ".bashrc"
    rc.write_text("alias x=y\n")
    assert cli("--install-completion", "bash", env=env).code == 0
    assert cli("--install-completion", "bash", env=env).code == 0
    assert rc.read_text().startswith("alias x=y\n")
    assert rc.read_text().count("source ") == 1
    assert "_lra_completion" in (cli.root / "home" / ".bash_completions" / "lra.sh").read_text()
