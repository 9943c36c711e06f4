"""A specialist works in the sandbox of the conversation: names and files are shared with the agent."""

from __future__ import annotations

import json
from pathlib import Path

from lra import events
from tests.session.support import Desk, end, of, take
from tests.support.model_server import call, say


async def test_the_code_specialist_uses_the_same_sandbox(sandboxes: Path, desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(
        say("", call("execute_code", code="x = 6")),
        say("", call("delegate_code_task", task="Multiply x by 7.")),
        say("", call("execute_code", code="y = x * 7\nprint(y)")),
        say("It is 42."),
        say("", call("execute_code", code="y + 1")),
        say("43."),
    )
    seen = await take(session, "Work.")
    assert end(seen).output == "43."
    ran = [event for event in of(seen, events.ToolFinished) if event.name == "execute_code"]
    assert [event.agent for event in ran] == ["", "code", ""]
    assert json.loads(ran[1].content)["stdout"] == "42\n"
    assert json.loads(ran[2].content)["result"] == "43"
    # What its code prints is live output below it.
    printed = [event for event in of(seen, events.ToolProgress) if "42\n" in event.text]
    assert [(event.agent, event.parent != "") for event in printed] == [("code", True)]
    offered = set(desk.server.requests[2].tools)
    assert {"execute_code", "run_command", "read_file", "write_file", "list_files"} <= offered
    assert not offered & {"search_memory", "write_memory", "create_task", "delegate_code_task"}
