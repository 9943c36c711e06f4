"""The files of a new agent: few, short, and meant to be changed."""

from __future__ import annotations

import keyword
import os
import re
import shutil
from pathlib import Path

from lra.errors import LraError, UsageError
from lra.store.room import unwritten
from lra.text import clean_text

DEFAULT_NAME = "my_agent"
DEFAULT_PROMPT = "You are a helpful assistant. Answer briefly, and say so when you do not know."
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_TAKEN = frozenset({"agent", "lra", "main", "sandbox", "test", "tests"})

_AGENT = '''"""{title}."""

from pathlib import Path

from lra import {imports}
{functions}
agent = create_agent(
{model}    name="{name}",
    instructions=Path(__file__).parent / "instructions.md",
{more})
'''

_FUNCTION = '''

def count_words(text: str) -> int:
    """Count the words of a text.

    Args:
        text: The text.
    """
    return len(text.split())

'''

_SPECIALIST = """    specialists=[
        Specialist(
            name="critic",
            description="Hand a draft to the critic before you give it to the person.",
            instructions="You judge drafts. Name the three weakest points, each with a better wording.",
            tools=(),
        ),
    ],
"""

TEMPLATES = {
    "basic": ("create_agent", "", ""),
    "tool": ("create_agent", _FUNCTION, "    tools=[count_words],\n"),
    "team": ("Specialist, create_agent", "", _SPECIALIST),
}
"""What is imported, what is defined, and what the agent is given, by the name of the template."""

_MAIN = '''"""Talk with the agent: `python main.py`, which is `lra run` in this folder."""

import sys
from pathlib import Path

from lra.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["run", str(Path(__file__).parent)]
    main()
'''

_ENV = """# Copy this file to .env and fill in what you need; lra reads it in the folder you start it from.
# Without a key the built-in offline model answers.
# OPENAI_API_KEY=
# ANTHROPIC_API_KEY=
# LRA_MODEL=openai:gpt-5-mini
"""

_README = """# {title}

An agent made with lra.

    lra run {name}               talk with it
    lra run {name} -p "Hello"    one turn
    python main.py{pad}the same as lra run, in this folder
    pytest{pad}        try it, without a provider

| File | What it is |
|---|---|
| `instructions.md` | what the agent is told |
| `agent.py` | its tools, specialists and model |
| `specialists/NAME.md` | further specialists, when you add the folder |
| `mcp.json` | further tools from MCP servers, when you add it |
| `.env.example` | keys, to be copied to `.env` |

A running chat takes up what you save.
"""

_TEST = '''"""The agent loads and answers; the built-in offline model stands in for a provider. Run: pytest"""

import asyncio
from pathlib import Path

from agent import agent

from lra import Session
from lra.events import TurnFinished

HERE = Path(__file__).parent


def test_it_is_told_what_the_file_says() -> None:
    assert agent.definition.instructions == (HERE / "instructions.md").read_text("utf-8").strip()


def test_it_answers(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LRA_HOME", str(tmp_path))

    async def talk() -> list[str]:
        async with await Session.open(agent=agent, model="offline") as session:
            events = [event async for event in session.send("Hello!")]
        return [event.outcome for event in events if isinstance(event, TurnFinished)]

    assert asyncio.run(talk()) == ["completed"]
'''


def check_name(name: str) -> str:
    """Return a name for an agent's folder.

    Raises:
        UsageError: It is none.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name.lower() in _TAKEN:
        raise UsageError(
            f"{name!r} is no name for an agent.",
            hint=f"Use letters, digits, - and _, for example {DEFAULT_NAME}; not {', '.join(sorted(_TAKEN))}.",
        )
    return name


def files_of(name: str, prompt: str, *, model: str | None = None, template: str = "basic") -> dict[str, str]:
    """Return the files of a new agent by their names.

    Args:
        name: What it is called.
        prompt: What it is told.
        model: The model it is to use; by default what the settings choose.
        template: Which of `TEMPLATES`.

    Raises:
        UsageError: There is no such template, or the prompt is empty.
    """
    if template not in TEMPLATES:
        raise UsageError(f"There is no template {template!r}.", hint=f"There are: {', '.join(TEMPLATES)}.")
    told = clean_text(prompt).strip()
    if not told:
        raise UsageError("The prompt is empty.")
    imports, functions, more = TEMPLATES[template]
    title = name.replace("_", " ").replace("-", " ").capitalize()
    agent = _AGENT.format(
        title=title,
        imports=imports,
        functions=functions,
        name=name,
        model=f'    "{model}",\n' if model else "",
        more=more,
    )
    return {
        "agent.py": agent,
        "main.py": _MAIN,
        "instructions.md": told + "\n",
        ".env.example": _ENV,
        "README.md": _README.format(title=title, name=name, pad=" " * (len(name) + 8)),
        "test_agent.py": _TEST,
    }


def write_agent(folder: Path, files: dict[str, str]) -> None:
    """Make a folder with the files. Blocks.

    Raises:
        UsageError: Something is there already.
        LraError: It cannot be written.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        raise UsageError(f"{folder} is there already.", hint="Choose another name, or remove it first.") from None
    except OSError as error:
        raise LraError(f"{folder} cannot be made: {error.strerror}.") from error
    try:
        for name, text in files.items():
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        # Half an agent would only be in the way of the next try.
        shutil.rmtree(folder, ignore_errors=True)
        raise unwritten(folder, error) from error
