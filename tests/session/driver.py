"""One session in a process of its own: prints what happens as JSON lines, and can end itself without warning."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys

from lra.config import load_settings
from lra.errors import LraError
from lra.runtime import Runtime
from lra.session import Session


def say(**line: object) -> None:
    """Print a line at once, so that it was said even if the process ends right after."""
    os.write(1, json.dumps(line).encode() + b"\n")


async def wait_for_ever() -> str:
    """Wait."""
    say(type="tool_runs")
    await asyncio.Event().wait()
    return "never"


async def run(options: argparse.Namespace, die_after: int | None) -> None:
    """Open a session, run a turn, wait for standard input to close, and end in order."""
    runtime = await Runtime.open(load_settings())
    try:
        session = await Session.open(runtime, model=options.model, resume=options.resume)
    except LraError as error:
        say(type="error", name=type(error).__name__, message=str(error))
        return
    if options.waiting_tool:
        from tests.session.support import add_tools

        add_tools(session, wait_for_ever)
    say(type="opened", session=session.id, notices=session.notices)
    seen = 0
    if options.text:
        async for event in session.send(options.text):
            os.write(1, event.to_json().encode() + b"\n")
            seen += 1
            if seen == die_after:
                os.kill(os.getpid(), signal.SIGKILL)
    if options.wait:
        await asyncio.to_thread(sys.stdin.read)
    await session.close(summarize=False)
    await runtime.close()
    say(type="closed", events=seen)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--resume")
    parser.add_argument("--text", help="what the person says")
    parser.add_argument(
        "--die-after", type=int, nargs="+", help="a process for each: events after which SIGKILL ends it"
    )
    parser.add_argument("--waiting-tool", action="store_true", help="offer a tool that never ends")
    parser.add_argument("--wait", action="store_true", help="keep the session open until standard input closes")
    options = parser.parse_args()
    if options.die_after is None:
        asyncio.run(run(options, None))
        return
    # Nothing has run yet, no thread and no loop: a process that is forked here is as good as new, and there at once.
    import openai  # noqa: F401

    for point in options.die_after:
        child = os.fork()
        if child == 0:
            asyncio.run(run(options, point))
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
