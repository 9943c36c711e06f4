"""A home of its own for every test, and the command line run as people run it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lra.store import Entry, NewMemory, StructuredMemoryStore

SESSION = "abc123def456"
CALL = {
    "parts": [
        {"content": "Let me look.", "part_kind": "text"},
        {"tool_name": "search_memory", "args": '{"query": "dog"}', "tool_call_id": "call-1", "part_kind": "tool-call"},
    ],
    "kind": "response",
}


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Cli:
    """The command line in a home and a folder of its own."""

    root: Path
    forks: Callable[[dict[str, Any]], int]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / "home" / "lra"

    @property
    def folder(self) -> Path:
        return self.root / "work"

    @property
    def database(self) -> Path:
        return self.home / "agent_memory.db"

    def environment(self) -> dict[str, str]:
        base = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "LRA_HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.root / "config"),
            "LRA_EMBEDDING": "none",
            # Nothing listens there: no Ollama and no sandbox of this machine may change a result.
            "OLLAMA_BASE_URL": "http://127.0.0.1:9",
            "SANDBOX_URL": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        return base | self.env

    def __call__(self, *args: str, stdin: str | bytes = b"", env: dict[str, str] | None = None) -> Result:
        """Run a command to its end, with everything it prints."""
        files = {name: self.root / f".{name}" for name in ("stdin", "stdout", "stderr")}
        files["stdin"].write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
        files["stdout"].write_bytes(b"")
        files["stderr"].write_bytes(b"")
        request: dict[str, Any] = {"args": list(args), "env": self.environment() | (env or {}), "cwd": str(self.folder)}
        code = self.forks(request | {name: str(path) for name, path in files.items()})
        result = Result(code, files["stdout"].read_bytes().decode(), files["stderr"].read_bytes().decode())
        assert "Traceback" not in result.out + result.err
        assert "Exception ignored" not in result.err
        return result

    def python(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a Python of its own, from its first import."""
        return subprocess.run(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(),
            check=False,
            text=True,
            timeout=50,
        )

    def store(self, work: Callable[[StructuredMemoryStore], Awaitable[Any]]) -> Any:
        """Run something against the record directly."""

        async def job() -> Any:
            store = StructuredMemoryStore(f"sqlite+aiosqlite:///{self.database}")
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(job())


@pytest.fixture(scope="session")
def forks() -> Iterator[Callable[[dict[str, Any]], int]]:
    """Runs a request of `tests.cli.forks` and returns the exit code."""
    command = [sys.executable, "-m", "tests.cli.forks"]
    repository = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository) as server:
        assert server.stdin
        assert server.stdout

        def run(request: dict[str, Any]) -> int:
            assert server.stdin
            assert server.stdout
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        yield run
        server.stdin.close()


@pytest.fixture
def cli(tmp_path: Path, forks: Callable[[dict[str, Any]], int]) -> Cli:
    """A command line with an empty home."""
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    return Cli(tmp_path, forks)


async def _seed(store: StructuredMemoryStore) -> None:
    await store.sessions.create(id=SESSION, model="openai:gpt-5", folder="/somewhere", title="The dog")
    turn = await store.journal.begin_turn(SESSION, Entry(role="user", content="What is my dog called?"), model="m")
    entries = [
        Entry(role="assistant", content="Let me look.", payload=json.dumps(CALL)),
        Entry(
            role="tool",
            content="Rex",
            tool_name="search_memory",
            tool_call_id="call-1",
            outcome="success",
            payload="{}",
        ),
        Entry(role="assistant", content="Rex \x1b[31mof course\x1b[0m. [bold]Good[/bold] dog 🐕"),
    ]
    await store.journal.append(SESSION, turn.id, entries)
    await store.journal.finish_turn(turn.id, outcome="completed")
    await store.tasks.create("Buy dog food", id="task0001", session_id=SESSION)
    await store.memories.add(NewMemory(content="The dog is called Rex", key="dog.name", id="mem000000001"))
    await store.memories.add(NewMemory(content="Tea, never coffee", kind="preference", id="mem000000002"))


@pytest.fixture(scope="session")
def seeded_home(tmp_path_factory: pytest.TempPathFactory, forks: Callable[[dict[str, Any]], int]) -> Path:
    """A data folder with one conversation, one task and two memories."""
    root = tmp_path_factory.mktemp("seeded")
    os.chmod(root, stat.S_IRWXU)
    Cli(root, forks).store(_seed)
    return root / "home" / "lra"


@pytest.fixture
def full(cli: Cli, seeded_home: Path) -> Cli:
    """A command line whose record holds something."""
    shutil.copytree(seeded_home, cli.home)
    return cli
