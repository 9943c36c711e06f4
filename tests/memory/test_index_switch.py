"""Another embedder is wanted: the old vectors answer until the new ones are complete, whatever happens meanwhile."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lra.memory.embedding.onnx import OnnxEmbedder
from tests.memory.embedding_support import tiny_model, write_model

ROOT = Path(__file__).parents[2]
COUNT = 600


class Process:
    def __init__(self, home: Path, model: Path, seconds: float = 0.0) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.memory.switching",
                str(home),
                str(model),
                *([str(seconds)] if seconds else []),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.read() == "ready"

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def answering(self) -> str:
        """Return whose vectors answered a question."""
        answer = self.ask("find red one two").split()
        assert int(answer[1]) > 0
        return answer[0]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> int:
        self.process.communicate("", timeout=20)
        return self.process.returncode


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    return write_model(tmp_path / "old"), write_model(tmp_path / "new", tiny_model(0.5))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for one in processes:
        one.process.kill()
        one.process.communicate()


def counts(home: Path) -> dict[str, int]:
    with sqlite3.connect(home / "agent_memory.db") as database:
        rows = database.execute("SELECT fingerprint, count(DISTINCT content_hash), count(*) FROM vectors GROUP BY 1")
        found = rows.fetchall()
    assert all(distinct == every for _, distinct, every in found)
    return {name: count for name, count, _ in found}


def test_the_old_vectors_answer_until_the_new_are_complete(
    tmp_path: Path, models: tuple[Path, Path], started: list[Process]
) -> None:
    home = tmp_path / "home"
    old, new = (OnnxEmbedder(model).fingerprint for model in models)
    first = Process(home, models[0])
    started.append(first)
    assert first.ask(f"write 0 {COUNT} red one two") == "kept"
    assert first.ask("drain 30") == "drained"
    assert first.answering() == old
    assert first.end() == 0
    assert json.loads((home / "agent_memory.db.index" / "answering.json").read_text())["fingerprint"] == old

    # Killed in the middle of the change, twice; the old index answers all the while, in every process.
    for _ in range(2):
        second = Process(home, models[1], 0.4)
        started.append(second)
        before = counts(home).get(new, 0)
        for _ in range(200):
            if before < counts(home).get(new, 0) < COUNT:
                break
            time.sleep(0.02)
        assert before < counts(home).get(new, 0) < COUNT
        assert second.answering() == old
        second.kill()

    # Slow enough that it is not complete before the questions are asked.
    third, fourth = Process(home, models[1], 1.0), Process(home, models[1])
    started.extend([third, fourth])
    assert third.answering() == fourth.answering() == old
    assert fourth.ask(f"write {COUNT} {COUNT + 50} green three") == "kept"
    assert third.ask("drain 60") == "drained"
    for one in (third, fourth):
        for _ in range(250):
            if one.answering() == new:
                break
            time.sleep(0.02)
        assert one.answering() == new
    assert counts(home) == {old: COUNT, new: COUNT + 50}
    assert (third.end(), fourth.end()) == (0, 0)


def test_without_the_old_model_the_new_one_answers_at_once(
    tmp_path: Path, models: tuple[Path, Path], started: list[Process]
) -> None:
    home = tmp_path / "home"
    first = Process(home, models[0])
    started.append(first)
    first.ask("write 0 300 red one two")
    assert first.ask("drain 30") == "drained"
    assert first.end() == 0
    write_model(models[0], tiny_model(0.25))
    second = Process(home, models[1], 0.1)
    started.append(second)
    for _ in range(200):
        answer = second.ask("find red one two").split()
        if int(answer[1]):
            break
        time.sleep(0.02)
    assert answer[0] == OnnxEmbedder(models[1]).fingerprint
    assert int(answer[1]) > 0


def test_what_came_while_vectors_were_off_is_embedded_afterwards(
    tmp_path: Path, models: tuple[Path, Path], started: list[Process]
) -> None:
    home = tmp_path / "home"
    fingerprint = OnnxEmbedder(models[0]).fingerprint
    for model, first, last in ((models[0], 0, 20), (Path("none"), 20, 40), (models[0], 40, 41)):
        process = Process(home, model)
        started.append(process)
        process.ask(f"write {first} {last} red one two")
        assert process.ask("drain 30") == "drained"
        assert process.end() == 0
    assert counts(home) == {fingerprint: 41}
