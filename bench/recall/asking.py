"""Putting the questions to memory in this process, which gives more hits in less time: for fitting weights."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.recall.datasets import Collection, Question
from lra.config import load_settings
from lra.errors import LraError
from lra.memory import Hit, Memory
from lra.memory.hits import Scope
from lra.runtime import Runtime

LIMIT = 10


@dataclass(slots=True)
class Answer:
    """What came back for one question."""

    question: Question
    found: dict[str, list[Hit]] = field(default_factory=dict)
    """By scope."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By scope, and of recall."""
    injected: list[Hit] = field(default_factory=list)
    """What would be put in front of the model."""


async def ask_all(collection: Collection, scopes: list[Scope], *, embedding: str, limit: int = LIMIT) -> list[Answer]:
    """Import a collection into a new record and ask its questions.

    Args:
        collection: Rows and questions.
        scopes: Where to look.
        embedding: A folder with a model, another embedder, or `none`.
        limit: Hits for each question.

    Raises:
        LraError: Something could not be imported or indexed.
    """
    with tempfile.TemporaryDirectory(prefix="lra-recall-") as name:
        folder = Path(name)
        rows = folder / "rows.jsonl"
        rows.write_text("".join(json.dumps(line) + "\n" for line in collection.lines), encoding="utf-8")
        environ = {"LRA_HOME": name, "LRA_EMBEDDING": embedding}
        runtime = await Runtime.open(load_settings(folder, environ=environ))
        try:
            memory = runtime.memory
            await memory.import_file(rows)
            if embedding != "none":
                await memory.start()
                if not await memory.drain():
                    raise LraError("The vectors are not complete.")
                await memory.warm()
            return [await _ask(memory, question, scopes, limit) for question in collection.questions]
        finally:
            await runtime.close()


async def _ask(memory: Memory, question: Question, scopes: list[Scope], limit: int) -> Answer:
    answer = Answer(question)
    for scope in scopes:
        # A question that was asked before has its vector already.
        forget_question(memory)
        began = perf_counter()
        answer.found[scope] = await memory.search(question.text, scope=scope, limit=limit)
        answer.seconds[scope] = perf_counter() - began
    began = perf_counter()
    answer.injected = await memory.recall(question.text)
    answer.seconds["recall"] = perf_counter() - began
    return answer


def forget_question(memory: Any) -> None:
    """Drop the vectors of questions that were asked."""
    memory._semantic._queries.clear()
