"""`python -m bench`: one table of everything that has a goal."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import machine
from bench.options import Options
from bench.records import Records
from bench.table import Row, render

NAMES = ("help", "prompt", "terminal", "turn", "delegation", "write", "search", "memory", "sandbox", "tools")
MODULES = {"terminal": ("streaming", "attended")}
"""Where a benchmark's modules have other names."""


def main() -> int:
    """Run what was asked for; the exit code is 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure lra against what it stands on.")
    parser.add_argument("--only", action="append", choices=NAMES, help="this benchmark alone; may be repeated")
    parser.add_argument("--sizes", type=_sizes, help="memories in the record, such as 0,1000,10000,100000")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller sizes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument("--model-dir", type=Path, metavar="DIR", help="a folder with an ONNX embedding model")
    arguments = parser.parse_args()
    facts = machine.describe()
    print(machine.header(facts), flush=True)
    with tempfile.TemporaryDirectory(prefix="lra-bench-") as folder:
        options = Options(
            sizes=arguments.sizes,
            quick=arguments.quick,
            model_dir=arguments.model_dir,
            records=Records(Path(folder)),
            folder=Path(folder),
        )
        rows = asyncio.run(_measure(arguments.only or NAMES, options))
    print(render(rows))
    if arguments.json:
        report = {"machine": facts, "rows": [row.to_dict() for row in rows]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(any(row.verdict == "MISSED" for row in rows))


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(part) for part in text.split(",")}))


async def _measure(names: tuple[str, ...] | list[str], options: Options) -> list[Row]:
    rows: list[Row] = []
    for name in NAMES:
        if name in names:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            for part in MODULES.get(name, (name,)):
                module: Any = import_module(f"bench.{part}")
                gc.collect()
                rows += await module.run(options)
    return rows


if __name__ == "__main__":
    sys.exit(main())
