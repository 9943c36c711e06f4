"""`python -m bench.recall --data PATH`: retrieval quality, as one table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from bench import machine
from bench.recall.asking import Answer, ask_all
from bench.recall.datasets import Collection, load
from bench.recall.outside import ask_outside
from bench.recall.report import measure, measure_recall, render
from lra.errors import LraError
from lra.memory.hits import Scope

_FIT_LIMIT = 60
"""Hits for each question that weights are fitted on."""


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.recall", description="Measure what memory finds.")
    parser.add_argument("--data", type=Path, required=True, metavar="PATH", help="LoCoMo's JSON file, or a folder")
    parser.add_argument("--scope", action="append", choices=("memories", "turns", "sessions", "all"))
    parser.add_argument("--model-dir", type=Path, metavar="DIR", help="a folder with an ONNX embedding model")
    parser.add_argument("--only", choices=("words", "vectors"), help="without vectors alone, or with them alone")
    parser.add_argument("--categories", action="store_true", help="a line for each category as well")
    parser.add_argument("--fit", action="store_true", help="fit the weights anew, each collection left out once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args()
    try:
        report = asyncio.run(_measure(arguments))
    except LraError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


async def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    collections = load(arguments.data)
    questions = sum(len(collection.questions) for collection in collections)
    dropped = sum(collection.dropped for collection in collections)
    facts = machine.describe()
    print(machine.header(facts))
    rows = sum(len(collection.lines) for collection in collections)
    print(f"{len(collections)} records, {rows} rows, {questions} questions, {dropped} without evidence left out\n")
    kinds = {"words": "none"} | ({"vectors": str(arguments.model_dir)} if arguments.model_dir else {})
    scopes: list[Scope] = arguments.scope or ["turns", "sessions"]
    report: dict[str, Any] = {"machine": facts, "runs": {}}
    table: list[tuple[str, dict[str, Any]]] = []
    said: list[str] = []
    for name, embedding in kinds.items():
        if arguments.only not in (None, name):
            continue
        asked: list[tuple[Collection, list[Answer]]] = []
        for collection in collections:
            print(f"{name}: {collection.name} …", file=sys.stderr, flush=True)
            if arguments.fit:
                answers = await ask_all(collection, scopes, embedding=embedding, limit=_FIT_LIMIT)
            else:
                answers = await asyncio.to_thread(ask_outside, collection, scopes, embedding=embedding)
            asked.append((collection, answers))
        results = [measure(asked, scope) for scope in scopes]
        injected = measure_recall(asked)
        report["runs"][name] = {"scopes": results, "recall": injected}
        table += [(name, result) for result in [*results, injected]]
        if arguments.fit:
            from bench.recall.fitting import fit

            for scope in scopes:
                fitted, weights = fit(asked, scope)
                table.append((f"{name}, fitted on the others", fitted))
                said.append(f"{name}, {scope}: " + ", ".join(f"{key} {value}" for key, value in weights.items()))
                report["runs"][name].setdefault("fitted", []).append(fitted)
    if not arguments.categories:
        for _, result in table:
            result["quality"] = {"": result["quality"][""]} if "" in result["quality"] else {}
    print(render(table))
    if said:
        print("\n" + "\n".join(said))
    return report


if __name__ == "__main__":
    sys.exit(main())
