"""Agents of a person's own: loading, their tools, what they answer with, and loading them anew."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from lra import Session, create_agent, events
from lra.agent.custom import Definition
from lra.agent.folders import AgentFolder, find_agents
from lra.agent.scaffold import TEMPLATES, check_name, files_of, write_agent
from lra.errors import ConfigError, UsageError
from lra.session.loading import load_folder
from tests.session.support import MODELS, Desk, check_calls_closed, end, every_api, of, take
from tests.support.fixtures import Api
from tests.support.model_server import call, say

AGENT = '''
from pathlib import Path
from lra import create_agent
from helper import shout

def greet(name: str) -> str:
    """Greet somebody.

    Args:
        name: Who.
    """
    return shout(f"hello {name}")

def divide(by: int) -> float:
    """Divide.

    Args:
        by: By what.
    """
    return 1 / by

agent = create_agent(instructions=Path(__file__).parent / "instructions.md", tools=[greet, divide])
'''


class Sum(BaseModel):
    """An answer with a shape."""

    total: int
    of: list[int]


def folder(home: Path, source: str = AGENT, **files: str) -> Path:
    place = home / "my_agent"
    place.mkdir(exist_ok=True)
    (place / "agent.py").write_text(source)
    (place / "instructions.md").write_text("You greet people.\n")
    (place / "helper.py").write_text("def shout(text):\n    return text.upper()\n")
    for name, text in files.items():
        (place / name).write_text(text)
    return place


async def test_a_session_with_an_agent_of_ones_own(desk: Desk, home: Path) -> None:
    place = await asyncio.to_thread(folder, home)
    session = await desk.session(agent=place)
    desk.server.script(say("", call("greet", name="Rex")), say("Greeted."))
    seen = await take(session, "Greet Rex.")
    assert [event.content for event in of(seen, events.ToolFinished)] == ["HELLO REX"]
    request = desk.server.requests[0]
    assert [m.text for m in request.messages if m.role == "system"] == ["You greet people."]
    # Memory, tasks and specialists are there as ever.
    assert {"greet", "divide", "search_memory", "create_task", "delegate_code_task"} <= set(request.tools)
    assert session.record.agent == "my_agent"
    assert any("my_agent" in notice for notice in session.notices)


async def test_a_failure_of_its_tool_names_the_line(desk: Desk, home: Path) -> None:
    place = await asyncio.to_thread(folder, home)
    session = await desk.session(agent=str(place / "agent.py"))
    desk.server.script(say("", call("divide", by=0)), say("It failed."))
    seen = await take(session, "Divide.")
    (result,) = of(seen, events.ToolFinished)
    assert result.outcome == "failed"
    line = AGENT.splitlines().index("    return 1 / by") + 1
    assert f"divide failed: agent.py, line {line}: ZeroDivisionError: division by zero" in result.content


@every_api
async def test_an_answer_with_a_shape(desk: Desk, api: Api) -> None:
    agent = await asyncio.to_thread(lambda: create_agent(MODELS[api], name="adder", output_type=Sum))
    session = await desk.session(api, agent=agent)
    desk.server.script(say("", call("final_result", total=3, of=[1, 2])), say("", call("final_result", total=0, of=[])))
    seen = await take(session, "Add 1 and 2.")
    assert json.loads(end(seen).output) == {"total": 3, "of": [1, 2]}
    assert end(seen).outcome == "completed"
    await check_calls_closed(session)
    # The history is one that providers take.
    assert json.loads(end(await take(session, "And nothing?")).output) == {"total": 0, "of": []}


async def test_it_is_loaded_anew_when_a_file_is_saved(desk: Desk, home: Path) -> None:
    place = await asyncio.to_thread(folder, home)
    session = await desk.session(agent=place)
    desk.server.script(
        say("One."), say("", call("greet", name="Rex")), say("Two."), say("Three."), say("", call("wave")), say("Four.")
    )
    await take(session, "hi")

    def edit(name: str, text: str) -> None:
        (place / name).write_text(text)

    # A neighbour that the file imports.
    await asyncio.to_thread(edit, "helper.py", "def shout(text):\n    return text + '!!'\n")
    seen = await take(session, "again")
    assert [event.text for event in of(seen, events.Notice)] == ["my_agent was changed and is loaded anew."]
    assert [event.content for event in of(seen, events.ToolFinished)] == ["hello Rex!!"]

    await asyncio.to_thread(edit, "agent.py", AGENT + "\nx = (")
    seen = await take(session, "broken")
    (notice,) = of(seen, events.Notice)
    assert "stays as it was" in notice.text
    assert f"agent.py, line {len(AGENT.splitlines()) + 2}" in notice.text
    assert end(seen).outcome == "completed"

    await asyncio.to_thread(
        edit,
        "agent.py",
        AGENT.replace("tools=[greet, divide]", "tools=[wave]")
        .replace("greet(", "wave(")
        .replace("name: str", "name: str = 'you'"),
    )
    seen = await take(session, "wave")
    assert [event.content for event in of(seen, events.ToolFinished)] == ["hello you!!"]
    assert "divide" not in desk.server.requests[-1].tools


async def test_specialists_in_its_folder(desk: Desk, home: Path) -> None:
    place = await asyncio.to_thread(folder, home)

    def add() -> None:
        (place / "specialists").mkdir()
        (place / "specialists" / "critic.md").write_text("---\ndescription: Judges.\n---\nBe strict.")

    await asyncio.to_thread(add)
    session = await desk.session(agent=place)
    critic = session.delegation.specialists["critic"]
    assert (critic.source, critic.instructions) == ("agent", "Be strict.")
    assert "delegate_critic_task" in [tool.name for tool in session.tools()]


BROKEN = [
    ("x = 1 +", "agent.py, line 1: SyntaxError"),
    ("\n\nimport nothing_here", "agent.py, line 3: ModuleNotFoundError"),
    ("1 / 0", "agent.py, line 1: ZeroDivisionError"),
    ("agent = 5", "defines no agent"),
    ("raise SystemExit(0)", "ended the program"),
    ("from lra import create_agent\nagent = create_agent('nobody')", "agent.py, line 2: 'nobody' is no model name"),
    ("from lra import create_agent\nagent = create_agent(name='?')", "agent.py, line 2: '?' is no name for an agent"),
    ("from lra import create_agent\nagent = create_agent(tools=[3])", "agent.py, line 2"),
    ("from pathlib import Path\nfrom lra import create_agent\nagent = create_agent(instructions=Path('no'))", "line 3"),
    ("from lra import create_agent\nagent = create_agent(toolsets=[5])", "line 2: 5 is no toolset of Pydantic AI."),
    ("from lra import create_agent\nagent = create_agent(capabilities=[5])", "line 2: 5 is no capability"),
]


@pytest.mark.parametrize(("source", "problem"), BROKEN)
def test_what_is_wrong_is_said_with_its_line(home: Path, source: str, problem: str) -> None:
    place = folder(home, source)
    with pytest.raises(ConfigError) as caught:
        AgentFolder(place).load()
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("\nwhile True:\n    pass", "agent.py, line 2, still runs after 0.2 s."),
        ("import helper", "helper.py, line 1, still runs after 0.2 s."),
        ("raise KeyboardInterrupt", "agent.py, line 1: KeyboardInterrupt."),
    ],
)
async def test_a_file_that_never_ends_holds_nobody_up(home: Path, source: str, problem: str) -> None:
    place = folder(home, source)
    await asyncio.to_thread((place / "helper.py").write_text, "while True: pass")
    with pytest.raises(ConfigError) as caught:
        await load_folder(await asyncio.to_thread(AgentFolder, place), longest=0.2)
    assert problem in str(caught.value)
    # The next one is not kept waiting by it.
    await asyncio.to_thread((place / "agent.py").write_text, "from lra import create_agent\nagent = create_agent()")
    assert (await load_folder(await asyncio.to_thread(AgentFolder, place))).name == place.name


async def test_a_tool_must_not_have_the_name_of_another(desk: Desk) -> None:
    def create_task(title: str) -> str:
        """Shadow a built-in tool."""
        return title

    with pytest.raises(UsageError, match="create_task of mine has the name of another tool"):
        await desk.session(agent=Definition(name="mine", tools=(create_task,)))


def test_what_is_no_agent(home: Path) -> None:
    (home / "empty").mkdir()
    (home / "text.md").write_text("x")
    for path, problem in (("empty", "no agent.py"), ("nowhere", "no agent at"), ("text.md", "is no agent")):
        with pytest.raises(UsageError, match=problem):
            AgentFolder(home / path)


def test_two_agents_do_not_see_each_others_modules(home: Path) -> None:
    first = folder(home)
    second = home / "second"
    second.mkdir()
    (second / "helper.py").write_text("def shout(text):\n    return 'second ' + text\n")
    (second / "agent.py").write_text(AGENT)
    (second / "instructions.md").write_text("x")
    loaded = [AgentFolder(place).load() for place in (first, second, first)]
    said = [definition.tools[0]("you") for definition in loaded]  # type: ignore[operator]
    assert said == ["HELLO YOU", "second hello you", "HELLO YOU"]


async def test_agents_are_loaded_one_at_a_time(home: Path) -> None:
    def make(number: int) -> Path:
        place = home / f"agent{number}"
        place.mkdir()
        (place / "helper.py").write_text(f"import time\ntime.sleep(0.01)\ndef shout(text):\n    return '{number}'\n")
        (place / "agent.py").write_text(AGENT)
        (place / "instructions.md").write_text("x")
        return place

    places = [await asyncio.to_thread(make, number) for number in range(8)]
    folders = [await asyncio.to_thread(AgentFolder, place) for place in places]
    loaded = await asyncio.gather(*(asyncio.to_thread(each.load) for each in folders))
    assert [definition.tools[0]("you") for definition in loaded] == [str(number) for number in range(8)]  # type: ignore[operator]


SHAPES = """
from __future__ import annotations

from pydantic import BaseModel
from lra import create_agent

class Place(BaseModel):
    name: str
    inside: Place | None = None

class Found(BaseModel):
    places: list[Place]

def look(place: Place) -> list[Place]:
    return [place]

agent = create_agent(tools=[look], output_type=Found)
"""


async def test_shapes_that_a_file_defines(desk: Desk, home: Path) -> None:
    place = await asyncio.to_thread(folder, home, SHAPES)
    session = await desk.session(agent=place)
    desk.server.script(
        say("", call("look", place={"name": "Oslo", "inside": {"name": "Norway"}})),
        say("", call("final_result", places=[{"name": "Oslo"}])),
    )
    seen = await take(session, "Look.")
    assert json.loads(end(seen).output) == {"places": [{"name": "Oslo", "inside": None}]}
    fork = await session.fork()
    await asyncio.to_thread((place / "agent.py").write_text, SHAPES + "\n")
    desk.server.script(default=say("", call("final_result", places=[])))
    for each in (session, fork):
        assert [event.text for event in of(await take(each, "Again."), events.Notice)] == [
            "my_agent was changed and is loaded anew."
        ]
    await fork.close(summarize=False)


@pytest.mark.parametrize("template", list(TEMPLATES))
def test_what_is_made_loads(home: Path, template: str) -> None:
    place = home / "new_agent"
    write_agent(place, files_of("new_agent", 'Say "hi".', model="openai:gpt-5-mini", template=template))
    source = (place / "agent.py").read_text()
    compile(source, "agent.py", "exec")
    assert len(source.splitlines()) <= 40
    (place / "agent.py").write_text(source.replace('"openai:gpt-5-mini"', '"offline"'))
    definition = AgentFolder(place).load()
    assert (definition.name, definition.instructions) == ("new_agent", 'Say "hi".')
    assert all((path.stat().st_mode & 0o077) == 0 for path in place.iterdir() if path.is_file())
    with pytest.raises(UsageError, match="there already"):
        write_agent(place, {})
    assert [(name, about) for name, _, about in find_agents(home, home / "lra")] == [("new_agent", 'Say "hi".')]


@pytest.mark.parametrize("name", ["", "..", "a/b", "1st", "class", "lra", "with space", "x" * 99, "-rf", "é"])
def test_bad_names(name: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        check_name(name)


async def test_a_session_continues_with_the_agent_it_was_held_with(desk: Desk) -> None:
    runtime = await desk.runtime()
    mine = Definition(name="mine")
    desk.server.script(default=say("Yes."))
    first = await desk.session(runtime=runtime, agent=mine)
    await take(first, "hi")
    await first.close(summarize=False)
    plain = await desk.session(runtime=runtime)
    await take(plain, "hi")
    await plain.close(summarize=False)
    again = await Session.open(runtime, model=MODELS["openai-chat"], agent=mine, continue_latest=True)
    assert again.id == first.id
    await again.close(summarize=False)
