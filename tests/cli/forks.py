"""A process that has imported the libraries once and forks for every command: real processes, without the wait.

Reads one JSON request per line on standard input and answers with the exit code.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from typing import Any

PRELOADED = ("asyncio", "typer.main", "typer._adapters", "alembic.command", "sqlalchemy", "lra.runtime")


def serve() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    # Pages that the collector does not touch stay shared with the children.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become(request)
            return
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(request: dict[str, Any]) -> None:
    """Turn this process into `python -m lra` with the request's arguments, environment, folder and files."""
    for target, key, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        handle = os.open(request[key], flags)
        os.dup2(handle, target)
        os.close(handle)
    encoding = "utf-8"
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115 (they live as long as the process)
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = ["lra", *request["args"]]
    from lra.cli import main

    main()


if __name__ == "__main__":
    serve()
