"""Every call of every tool passes one gate: rules, questions, what the model is told, and what is kept of it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import FunctionToolset, Tool
from pydantic_ai.capabilities import AbstractCapability

from lra.agent.library import create_agent
from lra.config import config_dir, trust
from lra.errors import ExitCode
from lra.events import ApprovalRequested, ApprovalResolved, Notice, ToolFinished
from lra.session import Session
from lra.tools.consent import Answer, Edited, Lasting, by_policy
from lra.tools.deps import AgentDeps
from lra.tools.workspace_scan import usable
from tests.session.support import MODELS, Desk, end, of, take
from tests.support.model_server import ModelServer, call, say

ASKS = {"consent": "ask", "why": "It sends a letter.", "source": "mcp:post"}


class Asked:
    """Answers from a list, and notes what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any], str]] = []

    async def __call__(
        self, name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        self.calls.append((name, args, reason))
        return self.answers.pop(0)


def with_letters(session: Session, metadata: dict[str, Any] | None = None) -> list[tuple[str, int]]:
    """Offer a tool that sends letters; returns what was sent."""
    sent: list[tuple[str, int]] = []

    async def send_letter(to: str, copies: int = 1) -> str:
        """Send a letter."""
        sent.append((to, copies))
        return f"sent to {to}"

    tool: Tool[Any] = Tool(send_letter, metadata=ASKS if metadata is None else metadata)
    session._equipment.toolsets.append(FunctionToolset[AgentDeps]([tool]))
    session._agent = session._build_agent()
    return sent


def user_rules(text: str) -> Path:
    path = config_dir() / "permissions.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def finished(events: list[Any]) -> ToolFinished:
    (only,) = of(events, ToolFinished)
    return only


async def test_a_tool_that_asks_runs_after_a_yes(desk: Desk) -> None:
    desk.server.script(say("", call("send_letter", to="Ada")), say("Done."))
    approver = Asked(True)
    session = await desk.session(approver=approver)
    sent = with_letters(session)
    events = await take(session, "go")
    assert sent == [("Ada", 1)]
    assert approver.calls == [("send_letter", {"to": "Ada", "copies": 1}, "It sends a letter.")]
    (asked,) = of(events, ApprovalRequested)
    assert asked.rule == "allow send_letter"
    assert [event.approved for event in of(events, ApprovalResolved)] == [True]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (False, "Not run: the person refused it."),
        ("write to Bob", "Not run: the person refused it: write to Bob"),
        (Edited({"to": "Bob", "copies": "many"}), "Not run: the person changed the arguments, and they do not fit"),
        (Edited({}), "Not run: the person changed the arguments, and they do not fit"),
    ],
)
async def test_refused_nothing_happens_and_the_model_is_told_why(desk: Desk, answer: Answer, told: str) -> None:
    desk.server.script(say("", call("send_letter", to="Ada")), say("Then not."))
    session = await desk.session(approver=Asked(answer))
    sent = with_letters(session)
    events = await take(session, "go")
    assert sent == []
    assert finished(events).outcome == "denied"
    assert finished(events).content.startswith(told)
    assert end(events).outcome == "completed"


async def test_edited_arguments_are_those_it_runs_with(desk: Desk) -> None:
    desk.server.script(say("", call("send_letter", to="Ada")), say("Done."))
    session = await desk.session(approver=Asked(Edited({"to": "Bob", "copies": "2"})))
    sent = with_letters(session)
    await take(session, "go")
    assert sent == [("Bob", 2)]


async def test_an_edit_cannot_do_what_a_rule_denies(desk: Desk) -> None:
    user_rules('[[rule]]\ndeny = "send_letter"\nwhen = { to = "Bob" }\n')
    desk.server.script(say("", call("send_letter", to="Ada")), say("Done."))
    session = await desk.session(approver=Asked(Edited({"to": "Bob"})))
    sent = with_letters(session)
    assert finished(await take(session, "go")).outcome == "denied"
    assert sent == []


async def test_rules_of_the_person_and_of_a_strange_project(desk: Desk, home: Path) -> None:
    user_rules('[[rule]]\nallow = "send_letter"\nwhen = { to = "A*" }\n')
    project = Path.cwd() / ".lra" / "permissions.toml"
    project.parent.mkdir()
    project.write_text(
        '[[rule]]\nallow = "*"\n\n[[rule]]\ndeny = "send_letter"\nwhen = { to = "Eve" }\nwhy = "Not Eve."\n'
    )
    desk.server.script(
        say("", call("send_letter", to="Ada"), call("send_letter", to="Bob"), call("send_letter", to="Eve")),
        say("So."),
    )
    approver = Asked(False)
    session = await desk.session(approver=approver)
    sent = with_letters(session)
    assert any("allows tools (1 rule): ignored until you trust this folder" in notice for notice in session.notices)
    events = await take(session, "go")
    assert sent == [("Ada", 1)]
    # Bob was asked about, since what the project allows does not count; Eve was not even asked about.
    assert [asked[1]["to"] for asked in approver.calls] == ["Bob"]
    assert "Not run: Not Eve." in [event.content for event in of(events, ToolFinished)]


async def test_a_trusted_project_may_allow(desk: Desk) -> None:
    project = Path.cwd() / ".lra" / "permissions.toml"
    project.parent.mkdir()
    project.write_text('[[rule]]\nallow = "send_letter"\n')
    await asyncio.to_thread(trust, Path.cwd(), config_dir())
    desk.server.script(say("", call("send_letter", to="Ada")), say("Done."))
    session = await desk.session(approver=Asked())
    sent = with_letters(session)
    await take(session, "go")
    assert sent == [("Ada", 1)]


async def test_a_file_with_a_mistake_makes_everything_ask_and_is_read_again_when_mended(desk: Desk) -> None:
    desk.server.script(default=say("Hm."))
    session = await desk.session(approver=by_policy("ask"))
    sent = with_letters(session, {"consent": "allow"})
    path = user_rules('[[rule]]\nallow = "send_letter"\n[[rule]]\ndeny = 3\n')
    desk.server.script(say("", call("send_letter", to="Ada")), say("So."))
    events = await take(session, "go")
    (notice,) = of(events, Notice)
    assert notice.text == (
        f"{path}:3: deny is the name of a tool, in quotes. Until it is mended, nothing is allowed without asking."
    )
    assert finished(events).content == "Not run: Nobody can be asked here."
    assert sent == []
    user_rules('[[rule]]\nallow = "send_letter"\n')
    desk.server.script(say("", call("send_letter", to="Ada")), say("So."))
    events = await take(session, "again")
    assert of(events, Notice) == []
    assert sent == [("Ada", 1)]


@pytest.mark.parametrize("kind", ["folder", "binary", "large", "link", "unreadable"])
async def test_a_file_that_is_none_allows_nothing(desk: Desk, kind: str) -> None:
    path = user_rules("")
    path.unlink()
    match kind:
        case "folder":
            path.mkdir()
        case "binary":
            path.write_bytes(b"\xff\xfe\x00")
        case "large":
            path.write_text("#" * 1_000_001)
        case "link":
            path.symlink_to(path)
        case "unreadable":
            path.symlink_to("/proc/self/mem")
    session = await desk.session()
    assert session.rules.policy.decide("search_memory", {}).action == "ask"
    assert len([notice for notice in session.notices if str(path) in notice]) == 1


async def test_a_yes_for_the_session_is_of_this_session_alone(desk: Desk) -> None:
    runtime = await desk.runtime()
    one, two = Asked(Lasting("session")), Asked(False)
    first = await desk.session(runtime=runtime, approver=one)
    second = await desk.session(runtime=runtime, approver=two)
    sent, other = with_letters(first), with_letters(second)
    for session in (first, first, second):
        desk.server.script(say("", call("send_letter", to="Ada")), say("So."))
        await take(session, "go")
    assert (len(sent), len(other)) == (2, 0)
    assert (len(one.calls), len(two.calls)) == (1, 1)
    assert not (config_dir() / "permissions.toml").exists()


async def test_always_is_a_rule_in_a_private_file_for_every_later_session(desk: Desk) -> None:
    approver = Asked(Lasting("always"))
    session = await desk.session(approver=approver)
    with_letters(session)
    desk.server.script(say("", call("send_letter", to="Ada")), say("So."))
    await take(session, "go")
    path = config_dir() / "permissions.toml"
    assert '[[rule]]\nallow = "send_letter"\n' in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    later = await desk.session(approver=Asked())
    sent = with_letters(later)
    desk.server.script(say("", call("send_letter", to="Ada")), say("So."))
    await take(later, "go")
    assert sent == [("Ada", 1)]


async def test_always_where_nothing_can_be_written_holds_for_the_session(desk: Desk) -> None:
    path = user_rules("")
    path.unlink()
    os.rmdir(path.parent)
    path.parent.write_text("in the way")
    session = await desk.session(approver=Asked(Lasting("always")))
    sent = with_letters(session)
    for _ in range(2):
        desk.server.script(say("", call("send_letter", to="Ada")), say("So."))
        events = await take(session, "go")
    assert len(sent) == 2
    path.parent.unlink()
    assert of(events, ApprovalRequested) == []


async def test_the_audit_log_has_every_decision_and_no_value(desk: Desk) -> None:
    secret = "sk-very-secret-0123456789"
    user_rules('[[rule]]\ndeny = "get_*"\n')
    session = await desk.session(approver=Asked(True, "no"))
    with_letters(session)
    desk.server.script(
        say(
            "",
            call("send_letter", to=secret),
            call("send_letter", to=secret),
            call("list_tasks", status=None),
            call("get_task_state", task_id=secret),
        ),
        say("So."),
    )
    await take(session, "go")
    rows = await session.runtime.store.audit.find(session_id=session.id)
    found = [row["payload"] for row in rows if row["event_type"] == "approval"]
    assert sorted((row["tool"], row["outcome"], row["by"], row["source"]) for row in found) == [
        ("get_task_state", "refused", "rule", ""),
        ("list_tasks", "allowed", "default", ""),
        ("send_letter", "allowed", "person", "mcp:post"),
        ("send_letter", "refused", "person", "mcp:post"),
    ]
    assert secret not in json.dumps(rows)


async def test_tools_that_capabilities_bring_pass_the_gate_too(desk: Desk) -> None:
    ran: list[int] = []

    def nudge() -> str:
        """Nudge."""
        ran.append(1)
        return "nudged"

    class Brings(AbstractCapability[AgentDeps]):
        def get_toolset(self) -> FunctionToolset[AgentDeps]:
            return FunctionToolset[AgentDeps]([Tool(nudge, metadata={"consent": "ask"})])

    session = await desk.session(approver=Asked(False))
    session._equipment.capabilities.append(Brings())
    session._agent = session._build_agent()
    desk.server.script(say("", call("nudge")), say("So."))
    assert finished(await take(session, "go")).outcome == "denied"
    assert ran == []


async def test_a_turn_without_an_answer_because_of_a_refusal_ends_as_refused(desk: Desk) -> None:
    session = await desk.session(approver=by_policy("ask"))
    with_letters(session)
    desk.server.script(say("", call("send_letter", to="Ada")), default=say(""))
    last = end(await take(session, "go"))
    assert (last.outcome, last.exit_code) == ("refused", ExitCode.REFUSED)
    assert last.error == "There is no answer, since it needed what was refused: send_letter."


async def test_a_decision_reads_no_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await desk.session(approver=Asked())
    sent = with_letters(session, {"consent": "allow"})
    reads: list[int] = []
    refresh = session.rules.refresh_now

    def counted() -> list[str]:
        reads.append(1)
        return refresh()

    monkeypatch.setattr(session.rules, "refresh_now", counted)
    desk.server.script(say("", *(call("send_letter", to=str(number)) for number in range(5))), say("So."))
    await take(session, "go")
    assert len(sent) == 5
    assert reads == [1]


async def test_a_plain_agent_with_nobody_to_ask_refuses(model_server: ModelServer, desk: Desk) -> None:
    agent = await asyncio.to_thread(create_agent, MODELS["openai-chat"])
    runtime = await desk.runtime()
    deps = AgentDeps(session_id="plain", structured_store=runtime.store)
    asked: list[str] = []

    @agent.tool_plain(metadata=ASKS)
    def send_letter(to: str) -> str:
        """Send a letter."""
        asked.append(to)
        return "sent"

    model_server.script(say("", call("send_letter", to="Ada")), say("Then not."))
    assert (await agent.run("go", deps=deps)).output == "Then not."
    assert asked == []
    rows = await runtime.store.audit.find(session_id="plain")
    assert [(row["payload"]["outcome"], row["payload"]["by"]) for row in rows] == [("refused", "settings")]


@pytest.mark.parametrize("path", [".lra/permissions.toml", "a/.LRA/agents/x.md", ".lra./mcp.json"])
def test_what_says_what_tools_may_do_is_not_theirs_to_change(path: str) -> None:
    assert not usable(path)
