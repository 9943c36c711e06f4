"""Specialists in the terminal: their work stands below the call, and /agents lists and opens them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from lra import events
from lra.chat.render import TurnRenderer
from lra.chat.screen import Screen
from tests.chat.conftest import Start, model_env, start
from tests.support.model_server import ModelServer, call, say

__all__ = ["model_env", "start"]

POET = "---\nname: poet\ndescription: Writes poems.\ntools: create_task\nmax_requests: 5\n---\nYou write poems."


def a_delegation() -> list[events.Event]:
    usage = events.Usage(requests=2, input_tokens=1200, output_tokens=30)
    below: dict[str, Any] = {"agent": "poet", "parent": "a"}
    return [
        events.TurnStarted(text="x", model="m"),
        events.ToolStarted(call_id="a", name="delegate_poet_task", args={"task": "Rain."}),
        events.SpecialistStarted(call_id="a", name="poet", task="Rain.", model="m", session="s"),
        events.ToolStarted(call_id="b", name="create_task", args={"title": "Rain"}, **below),
        events.TaskChanged(id="1", title="Rain", status="pending", **below),
        events.ToolFinished(call_id="b", name="create_task", outcome="success", content="ok", seconds=0.1, **below),
        events.SpecialistStarted(call_id="c", name="critic", task="Judge.", model="m", session="t", **below),
        events.ToolStarted(call_id="d", name="list_tasks", args={}, agent="critic", parent="c"),
        events.ToolProgress(call_id="a", text="Falling water."),
        events.SpecialistFinished(call_id="a", name="poet", session="s", outcome="completed", usage=usage, cost=0.0012),
        events.ToolFinished(call_id="a", name="delegate_poet_task", outcome="success", content="Falling.", seconds=1.2),
    ]


def test_the_work_of_a_specialist_is_indented_and_says_whose_it_is() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    screen = Screen(plain=True, out=out)
    renderer = TurnRenderer(lambda: 100)
    for event in a_delegation():
        for piece in renderer.feed(event):
            screen.show(piece)
    out.seek(0)
    assert out.read().splitlines() == [
        '⚙ delegate_poet_task(task="Rain.")',
        "⇢ poet: Rain.",
        '  ⚙ poet · create_task(title="Rain")',
        "  ☑ task “Rain” is pending",
        "    → ok",
        "  ⇢ critic: Judge.",
        "    ⚙ critic · list_tasks()",
        "⇠ poet is done: 2 requests · 1,200 tokens in, 30 out · $0.0012",
        "  → delegate_poet_task: Falling. (1.2 s)",
    ]


def test_in_the_chat(start: Start, model_env: dict[str, str], model_server: ModelServer, home: Path) -> None:
    folder = home / "data" / "agents"
    folder.mkdir(parents=True)
    (folder / "poet.md").write_text(POET)
    model_server.script(
        say("", call("delegate_poet_task", task="Write about rain.")),
        say("", call("create_task", title="Rain")),
        say("Falling water."),
        say("It wrote: Falling water."),
    )
    terminal = start(**model_env)
    terminal.wait("/help shows")
    terminal.send("A poem, please.\r")
    terminal.wait("It wrote: Falling water.")
    terminal.wait("⇢ poet: Write about rain.")
    terminal.wait("  ⚙ poet · create_task")
    terminal.wait("⇠ poet is done: 2 requests")
    terminal.send("/agents\r")
    terminal.wait("In this conversation:")
    terminal.wait("Writes poems.")
    terminal.wait("research")
    terminal.send("/agents poet\r")
    terminal.wait("delegate_poet_task")
    terminal.wait("5 requests, 600 seconds")
    terminal.wait("You write poems.")
    terminal.send("/agents 1\r")
    terminal.wait("> Write about rain.")
    terminal.send("/agents 7\r")
    terminal.wait("No specialist did anything under number 7 here")
    terminal.send("/agents nobody\r")
    terminal.wait("There is no specialist 'nobody'.")
    terminal.send("/agents stop\r")
    terminal.wait("No specialist works now.")
    terminal.press("ctrl-d")


def test_one_is_stopped_while_it_works(
    start: Start, model_env: dict[str, str], model_server: ModelServer, home: Path
) -> None:
    folder = home / "data" / "agents"
    folder.mkdir(parents=True)
    (folder / "poet.md").write_text(POET)
    model_server.script(
        say("", call("delegate_poet_task", task="Write about rain.")),
        say(("Half a ", "poem"), hold=1),
        say("It was stopped."),
    )
    terminal = start(**model_env)
    terminal.wait("/help shows")
    terminal.send("A poem, please.\r")
    terminal.wait("Half a")
    terminal.send("/agents stop poet\r")
    terminal.wait("It was stopped.")
    terminal.wait("poet did not finish")
    model_server.release()
    terminal.press("ctrl-d")


def test_the_stream_of_events_names_the_specialist() -> None:
    seen = [json.loads(event.to_json()) for event in a_delegation()]
    assert [(each.get("agent"), each.get("parent")) for each in seen[1:5]] == [
        (None, None),
        (None, None),
        ("poet", "a"),
        ("poet", "a"),
    ]
