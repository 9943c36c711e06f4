"""Agents in folders: finding, loading and loading them again when their files change."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from lra.agent.custom import CustomAgent, Definition, pointed
from lra.agent.specialist_files import find_specialists
from lra.errors import ConfigError, LraError, UsageError
from lra.text import one_line

AGENT_FILE = "agent.py"
INSTRUCTIONS_FILE = "instructions.md"
SPECIALISTS_FOLDER = "specialists"
_WATCHED = ("*.py", "*.md", "*.json", f"{SPECIALISTS_FOLDER}/*.md")


class AgentFolder:
    """A person's agent: a folder with an `agent.py`, or a file that holds an agent.

    Args:
        path: The folder, its `agent.py`, or its `main.py`.

    Raises:
        UsageError: There is no agent.
    """

    def __init__(self, path: Path) -> None:
        path = path.expanduser()
        if path.is_dir():
            path = path / AGENT_FILE
            if not path.is_file():
                raise UsageError(
                    f"There is no {AGENT_FILE} in {path.parent.resolve()}.",
                    hint="`lra create-agent NAME` makes a folder with one.",
                )
        elif path.name == "main.py" and (path.parent / AGENT_FILE).is_file():
            path = path.parent / AGENT_FILE
        if not path.is_file():
            raise UsageError(f"There is no agent at {path}.", hint="`lra list-agents` shows those that are here.")
        if path.suffix != ".py":
            raise UsageError(f"{path} is no agent: name a folder, an agent.py or a main.py.")
        self.file = path.resolve()
        self.folder = self.file.parent
        self._stamp: tuple[tuple[str, int, int], ...] = ()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def load(self) -> Definition:
        """Run the agent's file and return what it defines. Blocks.

        Raises:
            ConfigError: It cannot be run, or defines no agent; the sentence names the line.
        """
        # Taken first: what is saved while the file runs is loaded once more.
        self._stamp = self._look()
        agent = _agent_of(_run(self.file, self.folder), self.file)
        definition = agent.definition
        places = [(self.folder / SPECIALISTS_FOLDER, "agent")]
        files, problems = find_specialists(places)
        if problems:
            raise ConfigError(problems[0])
        own = tuple(each for each in files if each.source == "agent")
        return replace(
            definition,
            folder=self.folder,
            name=self.name if definition.name == "lra" else definition.name,
            specialists=(*own, *definition.specialists),
        )

    def copy(self) -> AgentFolder:
        """Return the same for another session, which notices changes by itself."""
        other = AgentFolder.__new__(AgentFolder)
        other.file, other.folder, other._stamp = self.file, self.folder, self._stamp
        return other

    def changed(self) -> bool:
        """Tell whether a file was changed since it was last loaded. Blocks."""
        return self._look() != self._stamp

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        seen = []
        for pattern in _WATCHED:
            for path in self.folder.glob(pattern):
                with suppress(OSError):
                    look = path.stat()
                    seen.append((str(path), look.st_mtime_ns, look.st_size))
        return tuple(sorted(seen))


_LOADING = threading.Lock()
"""What a file imports is found by a path that the whole process shares: one agent is loaded at a time."""


def _run(file: Path, folder: Path) -> ModuleType:
    name = f"lra_agent_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _LOADING, _importing_from(folder, name, module):
        try:
            spec.loader.exec_module(module)
        except SystemExit as error:
            raise ConfigError(f"{file} ended the program instead of defining an agent.") from error
        except Exception as error:
            hint = error.hint if isinstance(error, LraError) else None
            raise ConfigError(f"The agent cannot be loaded. {pointed(error, folder)}.", hint=hint) from error
    return module


@contextmanager
def _importing_from(folder: Path, name: str, module: ModuleType) -> Iterator[None]:
    """Let the file import its neighbours, read anew each time; nothing of it stays behind for other agents."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    sys.modules[name] = module
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        with suppress(ValueError):
            sys.path.remove(str(folder))
        for other in set(sys.modules) - before:
            source = getattr(sys.modules[other], "__file__", None)
            if source and Path(source).is_relative_to(folder):
                del sys.modules[other]


def _agent_of(module: ModuleType, file: Path) -> CustomAgent:
    found = getattr(module, "agent", None)
    if not isinstance(found, CustomAgent):
        found = next((value for value in vars(module).values() if isinstance(value, CustomAgent)), None)
    if found is None:
        raise ConfigError(f"{file} defines no agent.", hint="Write: agent = create_agent(…)")
    return found


def find_agents(folder: Path, home: Path) -> list[tuple[str, Path, str]]:
    """Return name, folder and first line of the instructions of the agents in a folder and in the person's own place.

    Nothing of them is run. Blocks: it reads files.

    Args:
        folder: Where to look; the folder itself may be one.
        home: The data folder; agents lie in `agents` below it.
    """
    found = []
    for place in (folder, *_below(folder), *_below(home / "agents")):
        if (place / AGENT_FILE).is_file() and "create_agent" in _read(place / AGENT_FILE):
            found.append((place.name, place, _first_line(place / INSTRUCTIONS_FILE)))
    return found


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")[:64_000]
    except OSError:
        return ""


def _first_line(path: Path) -> str:
    lines = (line.strip("# \t") for line in _read(path).splitlines())
    return one_line(next((line for line in lines if line), ""), 200)
