"""The commands about tools, as a person uses them, with real sandboxes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lra.store import Entry, StructuredMemoryStore
from lra.store.tools import NewTool

from .conftest import Cli

COUNT = '''
def count_words(text: str) -> int:
    """Count the words of a text.

    >>> count_words("a b a")
    3
    """
    return len(text.split())
'''


@pytest.fixture
def run(cli: Cli, local_env: dict[str, str]) -> Cli:
    """The command line, with real sandboxes of this machine."""
    cli.env = local_env
    return cli


@pytest.mark.timeout(180)
def test_a_tool_from_file_to_deletion(run: Cli) -> None:
    (run.folder / "words.py").write_text(COUNT)
    checked = run("validate-tool", "words.py")
    assert (checked.code, checked.out) == (
        0,
        "ok    count_words passed 1 of 1 test; it reaches no network, at most 30 s and 256 MB a call.\n",
    )
    assert run("list-tools", "--json").json[0]["source"] == "built-in"
    kept = run("create-tool", "--file", "words.py")
    assert kept.code == 0, kept.err
    assert kept.out.endswith("Kept as version 1.\n")
    listed = {tool["name"]: tool for tool in run("list-tools", "--json").json}
    assert listed["count_words"] == {
        "name": "count_words",
        "source": "generated",
        "state": "enabled",
        "description": "Count the words of a text.",
        "calls": 0,
        "failures": 0,
        "last_use": None,
    }
    assert {"search_memory", "execute_code", "generate_tool"} <= set(listed)
    shown = run("inspect-tool", "count_words", "--json").json
    assert shown["tests"] == [{"args": {"text": "a b a"}, "expected": 3}]
    assert shown["author"] == "person"
    assert "def count_words" in run("inspect-tool", "count_words").out
    # What is there already is no version of its own, and another one takes a yes.
    assert run("create-tool", "--file", "words.py").out.endswith("It is version 1 already.\n")
    assert run("create-tool", "--file", "-", stdin=COUNT.replace("Count the", "Tell the")).code == 4
    assert run("tools", "edit", "count_words", "--file", "-", stdin=COUNT.replace("Count the", "Tell the")).code == 0
    assert run("inspect-tool", "count_words", "--version", "1", "--json").out != ""
    history = run("tools", "history", "count_words", "--json").json
    assert [(event["version"], event["action"]) for event in history] == [(1, "created"), (2, "changed")]
    assert run("tools", "disable", "count_words").code == 0
    assert run("export-tools").code == 1
    assert run("tools", "enable", "count_words").code == 0
    exported = run("export-tools", "-o", "out.py")
    assert exported.code == 0
    assert run("export-tools", "-o", "out.py").code == 4
    alone = subprocess.run(
        [sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.'); import out; print(out.count_words('x y'))"],
        cwd=run.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert alone.stdout == "2\n"
    assert run("tools", "delete", "count_words").code == 4
    assert run("tools", "delete", "count_words", "-y").code == 0
    assert "count_words" not in run("list-tools").out
    assert run("tools", "enable", "count_words").code == 1
    back = run("create-tool", "--file", "out.py")
    assert back.out.endswith("Kept as version 3.\n")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("def f(:\n", 2, "The code is no Python at line 1"),
        (COUNT.replace("    3", "    4"), 1, "FAIL  count_words passed 0 of 1 test"),
        (COUNT.replace("len(text.split())", "sum(1 for _ in iter(int, 1))"), 1, "ran longer than"),
        (COUNT.replace("def count_words", "def write_memory").replace("> count_words", "> write_memory"), 2, "already"),
        ("", 2, "There is no tool in the file."),
        ("\x00", 2, "no"),
        (f"{COUNT}\nopen('touched', 'w')\n", 2, "Line 10 would run on import."),
    ],
)
def test_what_is_no_tool_is_told_and_not_kept(run: Cli, text: str, code: int, said: str) -> None:
    if "iter(int" in text:
        text += 'LRA_TOOLS = {"count_words": {"tests": [{"args": {"text": "a"}, "expected": 1}], "seconds": 1}}\n'
    done = run("validate-tool", "-", stdin=text)
    assert done.code == code
    assert said in done.out + done.err
    assert not (run.folder / "touched").exists()


def test_a_tool_that_fails_its_tests_is_not_kept(run: Cli) -> None:
    done = run("create-tool", "--file", "-", stdin=COUNT.replace("    3", "    4"))
    assert done.code == 1
    assert "count_words was not kept, since its tests failed. Test 1, count_words" in done.err
    assert "gave 3, not 4." in done.err
    assert run("export-tools").code == 1


def test_the_readme_shows_what_is_printed(run: Cli) -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8").split("\n## Tools it writes\n")[1]
    source = text.split("```py\n")[1].split("```")[0]
    console = text.split("```py\n")[1].split("```text\n")[1].split("```")[0]
    (run.folder / "words.py").write_text(source)
    for piece in console.split("$ lra ")[1:]:
        command, *expected = piece.splitlines()
        # The time is another each time, and the rest is the source.
        wanted = [line for line in expected if line != "…" and "Version 1" not in line]
        said = run(*command.split()).out.splitlines()
        assert [line for line in said if "Version 1, by" not in line][: len(wanted)] == wanted


async def _many(store: StructuredMemoryStore) -> None:
    parameters = {"type": "object", "properties": {}, "required": []}
    await store.sessions.create(id="abcabcabcabc")
    turn = await store.journal.begin_turn("abcabcabcabc", Entry(role="user", content="go"), model="m")
    for number in range(500):
        await store.tools.save(NewTool(name=f"tool_{number}", source="", parameters=parameters), author="person")
    rows = [
        Entry(role="tool", content="", tool_name="tool_7", tool_call_id=str(at), outcome=outcome, payload="{}")
        for at, outcome in enumerate(["success", "failed", "success"])
    ]
    await store.journal.append("abcabcabcabc", turn.id, rows)


def test_a_list_of_five_hundred(cli: Cli) -> None:
    cli.store(_many)
    listed = {tool["name"]: tool for tool in cli("list-tools", "--json").json}
    assert len([name for name in listed if name.startswith("tool_")]) == 500
    assert (listed["tool_7"]["calls"], listed["tool_7"]["failures"]) == (3, 1)
    assert listed["tool_7"]["last_use"] is not None
