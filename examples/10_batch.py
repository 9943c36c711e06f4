"""A batch: each line of a file is answered by `lra chat -p`, and its events are read as they come.

Run: python -m lra.examples.10_batch questions.txt > answers.jsonl
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "lra", "chat", "--output-format", "stream-json", "--approve", "deny"]


def events(question: str) -> Iterator[dict[str, Any]]:
    """Yield the events of one turn."""
    with subprocess.Popen(
        [*COMMAND, "-p", question],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)


def main(path: Path) -> None:
    """Answer every line that is not empty, one after the other."""
    for question in filter(None, map(str.strip, path.read_text("utf-8").splitlines())):
        answer: dict[str, Any] = {"question": question, "tools": []}
        for event in events(question):
            if event["type"] == "tool_started":
                answer["tools"].append(event["name"])
            elif event["type"] == "turn_finished":
                answer |= {name: event[name] for name in ("output", "outcome", "cost")}
        print(json.dumps(answer, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit("Name a file with a question a line.")
    main(Path(sys.argv[1]))
