"""Putting the questions to `lra memory import`, `index` and `search --batch`, as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.recall.asking import LIMIT, Answer
from bench.recall.datasets import Collection
from lra.config import KNOWN_NAMES
from lra.errors import LraError
from lra.memory import Hit
from lra.memory.hits import Scope

_PROGRAM = (sys.executable, "-m", "lra", "memory")


def ask_outside(collection: Collection, scopes: Sequence[Scope], *, embedding: str, limit: int = LIMIT) -> list[Answer]:
    """Import a collection into a new record and ask its questions, each step a command of its own.

    Args:
        collection: Rows and questions.
        scopes: Where to look.
        embedding: A folder with a model, another embedder, or `none`.
        limit: Hits for each question.

    Raises:
        LraError: A command failed.
    """
    answers = [Answer(question) for question in collection.questions]
    with tempfile.TemporaryDirectory(prefix="lra-recall-") as name:
        folder = Path(name)
        _write(folder / "rows.jsonl", collection.lines)
        texts = [{"qid": place, "query": answer.question.text} for place, answer in enumerate(answers)]
        _write(folder / "queries.jsonl", texts)
        _run(folder, embedding, "import", "rows.jsonl")
        if embedding != "none":
            _run(folder, embedding, "index")
        for scope in scopes:
            options = ("--scope", scope, "--limit", str(limit))
            for answer, line in zip(answers, _batch(folder, embedding, *options), strict=True):
                answer.found[scope] = _hits(line)
                answer.seconds[scope] = line["ms"] / 1000
        for answer, line in zip(answers, _batch(folder, embedding, "--scope", "recall"), strict=True):
            answer.injected = _hits(line)
            answer.seconds["recall"] = line["ms"] / 1000
    return answers


def _write(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _batch(folder: Path, embedding: str, *options: str) -> list[dict[str, Any]]:
    told = _run(folder, embedding, "search", "--batch", "queries.jsonl", "--timing", *options)
    lines = [json.loads(line) for line in told.splitlines()]
    if [line["qid"] for line in lines] != list(range(len(lines))):
        raise LraError("The answers are not in the order of the questions.")
    return lines


def _hits(line: dict[str, Any]) -> list[Hit]:
    return [Hit(**hit) for hit in line["hits"]]


def _run(folder: Path, embedding: str, *arguments: str) -> str:
    """Run a command with settings of its own; returns what it printed."""
    environ = {name: value for name, value in os.environ.items() if name not in KNOWN_NAMES}
    environ |= {
        "LRA_HOME": str(folder / "home"),
        "LRA_EMBEDDING": embedding,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [*_PROGRAM, *arguments], cwd=folder, env=environ, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise LraError(f"lra memory {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
