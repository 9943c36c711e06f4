"""Tools that the model writes: tried, shown, kept, and run in a sandbox, in this session and in later ones."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lra.events import ApprovalRequested, ToolFinished
from lra.tools.consent import Edited
from tests.session.support import Desk, add_tools, end, of, take
from tests.support.model_server import call, say
from tests.tools.test_gate import Asked, finished

SHOUT = '''
def shout(text: str, times: int = 1) -> str:
    """Say it loudly.

    Args:
        text: What is said.
        times: How often.
    """
    return (text.upper() + "! ") * times
'''
TESTS = [{"args": {"text": "hey"}, "expected": "HEY! "}]


def written(**more: Any) -> dict[str, Any]:
    return {"name": "shout", "code": SHOUT, "tests": TESTS, **more}


def offered(desk: Desk) -> list[str]:
    """The names of the tools in the last request."""
    return [tool["function"]["name"] for tool in desk.server.requests[-1].body["tools"]]


async def test_a_tool_is_written_used_at_once_and_in_a_later_session(desk: Desk, sandboxes: Path) -> None:
    approver = Asked(True)
    session = await desk.session(approver=approver)
    desk.server.script(
        say("", call("generate_tool", **written())), say("", call("shout", text="ab", times=2)), say("There.")
    )
    events = await take(session, "make one")
    assert end(events).output == "There."
    made, used = of(events, ToolFinished)
    assert json.loads(made.content)["version"] == 1
    assert used.content == "AB! AB! "
    ((name, args, reason),) = approver.calls
    assert name == "generate_tool"
    assert args["code"].strip() == SHOUT.strip()
    assert args["tests"] == TESTS
    assert reason == ("A new tool. It passed its test; it reaches no network, at most 30 s and 256 MB a call.")
    shown = {tool.name: tool for tool in session.tools()}["shout"]
    assert (shown.source, shown.description) == ("generated", "Say it loudly.")
    await desk.close(session)

    later = await desk.session(approver=Asked())
    assert "shout" in [tool.name for tool in later.tools()]
    desk.server.script(say("", call("shout", text="again")), say("So."))
    events = await take(later, "use it")
    assert finished(events).content == "AGAIN! "
    function = next(
        tool["function"] for tool in desk.server.requests[-1].body["tools"] if tool["function"]["name"] == "shout"
    )
    assert function["parameters"]["properties"]["times"]["description"] == "How often."
    assert function["parameters"]["required"] == ["text"]
    uses = await later.runtime.store.tools.uses()
    assert (uses["shout"].calls, uses["shout"].failures) == (2, 0)


async def test_what_was_refused_is_not_kept(desk: Desk, sandboxes: Path) -> None:
    session = await desk.session(approver=Asked("too loud"))
    desk.server.script(say("", call("generate_tool", **written())), say("A pity."))
    events = await take(session, "make one")
    assert finished(events).outcome == "denied"
    assert "the person refused it: too loud" in finished(events).content
    assert await session.runtime.store.tools.find(everything=True) == []
    assert "shout" not in offered(desk)


async def test_a_tool_with_network_is_asked_about_before_it_runs_anywhere(desk: Desk, sandboxes: Path) -> None:
    session = await desk.session(approver=Asked(False))
    desk.server.script(say("", call("generate_tool", **written(hosts=["api.example.org"]))), say("Well."))
    events = await take(session, "make one")
    (asked,) = of(events, ApprovalRequested)
    assert asked.reason.startswith("A new tool. It needs network, so it was not tried yet; it reaches api.example.org")
    assert asked.rule.startswith('allow generate_tool when hosts=["api.example.org"]')
    assert finished(events).outcome == "denied"


async def test_the_person_may_change_it_and_that_is_what_is_tried_and_kept(desk: Desk, sandboxes: Path) -> None:
    changed = SHOUT.replace('"! "', '"? "')
    approver = Asked(Edited({**written(), "code": changed, "tests": [{"args": {"text": "a"}, "expected": "A? "}]}))
    session = await desk.session(approver=approver)
    desk.server.script(say("", call("generate_tool", **written())), say("", call("shout", text="b")), say("So."))
    _made, used = of(await take(session, "make one"), ToolFinished)
    assert used.content == "B? "
    assert (await session.runtime.store.tools.get("shout")).source.strip() == changed.strip()


async def test_given_again_it_is_the_next_version(desk: Desk, sandboxes: Path) -> None:
    session = await desk.session(approver=Asked(True, True))
    again = written(code=SHOUT.replace("upper", "title"), tests=[{"args": {"text": "a b"}, "expected": "A B! "}])
    desk.server.script(
        say("", call("generate_tool", **written())),
        say("", call("generate_tool", **again)),
        say("", call("shout", text="x y")),
        say("So."),
    )
    assert of(await take(session, "make two"), ToolFinished)[-1].content == "X Y! "
    tools = session.runtime.store.tools
    assert [(event.version, event.action, event.author) for event in await tools.history("shout")] == [
        (1, "created", "model"),
        (2, "changed", "model"),
    ]
    assert (await tools.get("shout", 1)).source.strip() == SHOUT.strip()


async def test_a_body_with_arguments_and_a_docstring_will_do_and_async_too(desk: Desk, sandboxes: Path) -> None:
    session = await desk.session(approver=Asked(True))
    body = 'import asyncio\nawait asyncio.sleep(0)\nreturn {"lines": """a\nb""".split("\\n"), "n": n}'
    desk.server.script(
        say(
            "",
            call(
                "generate_tool",
                name="pairs",
                args="n: int",
                doc='Give "pairs" of lines.',
                code=body,
                tests=[{"args": {"n": 3}, "expected": {"lines": ["a", "b"], "n": 3}}],
            ),
        ),
        say("", call("pairs", n=4)),
        say("So."),
    )
    _made, used = of(await take(session, "make one"), ToolFinished)
    assert json.loads(used.content) == {"lines": ["a", "b"], "n": 4}
    assert (await session.runtime.store.tools.get("pairs")).description == 'Give "pairs" of lines.'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "return text.nothing",
            "AttributeError: 'str' object has no attribute 'nothing' (line 3: return text.nothing)",
        ),
        ("return {1, 2}", "it returned something that is no JSON (Object of type set"),
        ("return float('nan')", "it returned something that is no JSON (Out of range float"),
        ("return 'x' * 10_000_000", "it returned 10,000,013 characters; 90,000 at most can be given back"),
        ("while True: pass", "it ran longer than 0.5 s and was stopped"),
        ("import os; os._exit(3)", "its process ended before it returned, perhaps since it needs more than 256 MB."),
        ("raise SystemExit(2)", "it ended its own process instead of returning"),
        ("import sys; sys.setrecursionlimit(10**8)\n    def f(): return f()\n    return f()", "its process ended"),
        ("x = bytearray(10**10); return 1", "MemoryError"),
    ],
)
async def test_what_goes_wrong_is_told_so_that_it_can_be_mended(
    desk: Desk, sandboxes: Path, body: str, told: str
) -> None:
    session = await desk.session(approver=Asked())
    code = f'def broken(text: str) -> str:\n    """Break."""\n    {body}\n'
    # Whatever ends by itself has all the time that a busy machine may take for it.
    seconds = 0.5 if body.startswith("while") else 30
    desk.server.script(
        say("", call("generate_tool", name="broken", code=code, tests=TESTS, seconds=seconds)), say("It does not work.")
    )
    content = finished(await take(session, "make one")).content
    assert "The tool was not kept, since its tests failed." in content
    assert told in content
    assert await session.runtime.store.tools.find(everything=True) == []


async def test_a_tool_that_fails_once_works_again(desk: Desk, sandboxes: Path) -> None:
    session = await desk.session(approver=Asked(True))
    code = (
        'def fragile(how: str) -> str:\n    """Break on demand."""\n    if how == "exit":\n        import os\n'
        "        os._exit(1)\n    while how == 'loop':\n        pass\n    return how\n"
    )
    desk.server.script(
        say(
            "",
            call(
                "generate_tool", name="fragile", code=code, tests=[{"args": {"how": "x"}, "expected": "x"}], seconds=1
            ),
        ),
        *(say("", call("fragile", how=how)) for how in ("exit", "a", "loop", "b")),
        say("", call("fragile", how=5)),
        say("", call("fragile", who="c")),
        say("So."),
    )
    results = of(await take(session, "go"), ToolFinished)[1:]
    assert [result.outcome for result in results] == ["failed", "success", "failed", "success", "retried", "retried"]
    assert [result.content for result in results][1::2][:2] == ["a", "b"]
    assert "the argument how is 5" in results[4].content
    assert "there is no argument 'who', but how" in results[5].content


async def test_a_written_tool_never_takes_the_place_of_another(desk: Desk, sandboxes: Path) -> None:
    session = await desk.session(approver=Asked(True))
    code = 'def write_memory(content: str) -> str:\n    """Keep."""\n    return "kept elsewhere"\n'
    tests = [{"args": {"content": "a"}, "expected": "kept elsewhere"}]
    desk.server.script(
        say("", call("generate_tool", name="write_memory", code=code, tests=tests)),
        say("", call("generate_tool", **written())),
        say("Fine."),
    )
    refused, kept = of(await take(session, "go"), ToolFinished)
    assert "There is a tool 'write_memory' already, which no other can replace." in refused.content
    assert kept.outcome == "success"

    # Another tool of that name that comes later is the one that counts.
    def shout(text: str) -> str:
        """Whisper."""
        return text.lower()

    add_tools(session, shout)
    desk.server.script(say("", call("shout", text="A")), say("So."))
    assert finished(await take(session, "use")).content == "a"


ESCAPES = {
    "default argument": 'def tool(x: int = __import__("os").system("touch {mark}")):\n    """Do."""\n    return 1',
    "helper's default": (
        'def aid(x=open("{mark}", "w")): ...\ndef tool(x: int = 1) -> int:\n    """Do."""\n    return 1'
    ),
    "decorator": 'import os\n@os.system("touch {mark}")\ndef tool(x: int = 1) -> int:\n    """Do."""\n    return 1',
    "annotation": 'def tool(x: __import__("os").system("touch {mark}")) -> int:\n    """Do."""\n    return 1',
    "quoted annotation": (
        'def tool(x: "__import__(\'os\').system(\'touch {mark}\')" = 1) -> int:\n    """Do."""\n    return 1'
    ),
    "at import": 'open("{mark}", "w").close()\ndef tool(x: int = 1) -> int:\n    """Do."""\n    return 1',
    "constant": 'A = open("{mark}", "w")\ndef tool(x: int = 1) -> int:\n    """Do."""\n    return 1',
    "class body": ('class A:\n    x = open("{mark}", "w")\ndef tool(x: int = 1) -> int:\n    """Do."""\n    return 1'),
    "in the call": 'def tool(x: int = 1) -> int:\n    """Do."""\n    open("{mark}", "w").close()\n    return 1',
    "frames": (
        'def tool(x: int = 1) -> int:\n    """Do."""\n    import sys\n    frame = sys._getframe()\n'
        '    while frame.f_back: frame = frame.f_back\n    open("{mark}", "w").close()\n    return 1'
    ),
    "codec": (
        '# -*- coding: unicode_escape -*-\n#\\u000aopen("{mark}", "w")\n'
        'def tool(x: int = 1):\n    """Do."""\n    return 1'
    ),
}


@pytest.mark.parametrize("way", ESCAPES)
async def test_nothing_of_the_host_is_touched(desk: Desk, sandboxes: Path, tmp_path: Path, way: str) -> None:
    mark = tmp_path / "touched"
    session = await desk.session(approver=Asked(True))
    code = ESCAPES[way].replace("{mark}", str(mark))
    desk.server.script(
        say("", call("generate_tool", name="tool", code=code, tests=[{"args": {}, "expected": 1}])), say("So.")
    )
    await take(session, "go")
    assert not mark.exists()
    assert "tool" not in globals()


async def test_break_outs_of_the_parts_stay_text(desk: Desk, sandboxes: Path, tmp_path: Path) -> None:
    mark = tmp_path / "touched"
    session = await desk.session(approver=Asked(True, True, True))
    evil = f'open({str(mark)!r}, "w")'
    desk.server.script(
        say(
            "",
            call(
                "generate_tool",
                name="quoted",
                args="x: int = 1",
                doc=f'Do.""" + str({evil}) + """',
                code="return x",
                tests=[{"args": {}, "expected": 1}],
            ),
        ),
        say(
            "",
            call(
                "generate_tool",
                name="parts",
                args=f"x: int = 1): pass\n{evil}\ndef other(y=1",
                doc="Do.",
                code="return 1",
                tests=[{"args": {}, "expected": 1}],
            ),
        ),
        say("So."),
    )
    quoted, parts = of(await take(session, "go"), ToolFinished)
    assert quoted.outcome == "success"
    assert (await session.runtime.store.tools.get("quoted")).description.startswith('Do.""" + str(open(')
    assert parts.outcome == "retried"
    assert not mark.exists()


async def test_secrets_of_the_host_are_not_there(
    desk: Desk, sandboxes: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-host-secret")
    (home / "secret.txt").write_text("host file")
    session = await desk.session(approver=Asked(True))
    code = (
        'def look(path: str) -> dict:\n    """Look around."""\n    import os\n    try:\n'
        "        text = open(path).read()\n"
        "    except OSError as error:\n        text = type(error).__name__\n"
        '    return {"env": [k for k in os.environ if "KEY" in k], "text": text, "pids": len([p for p in'
        ' os.listdir("/proc") if p.isdigit()])}\n'
    )
    path = str(home / "secret.txt")
    desk.server.script(
        say("", call("generate_tool", name="look", code=code, tests=[{"args": {"path": path}, "error": "no such"}])),
        say("So."),
    )
    content = json.loads(finished(await take(session, "go")).content)["error"]
    # The test fails, and what the tool saw is in the message.
    assert content.count("gave") == 1
    seen = json.loads(content[content.index("gave ") + 5 : content.rindex(", not an error.")])
    assert (seen["env"], seen["text"]) == ([], "FileNotFoundError")
    assert seen["pids"] < 20
    assert "host file" not in content
    assert os.environ["OPENAI_API_KEY"] == "sk-host-secret"


async def test_processes_and_ports_of_the_host_are_out_of_reach(desk: Desk, sandboxes: Path) -> None:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        writer.close()

    visits: list[int] = []
    server = await asyncio.start_server(met, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    other = await asyncio.create_subprocess_exec("sleep", "60")
    session = await desk.session(approver=Asked(True))
    code = (
        'def tool(pid: int, port: int) -> list:\n    """Reach out."""\n    import os, socket\n    done = []\n'
        "    try:\n        os.kill(pid, 9)\n        done.append('killed')\n    except OSError:\n        pass\n"
        "    try:\n        socket.create_connection(('127.0.0.1', port), 1)\n        done.append('met')\n"
        "    except OSError:\n        pass\n    return done\n"
    )
    tests = [{"args": {"pid": other.pid, "port": port}, "expected": []}]
    desk.server.script(say("", call("generate_tool", name="tool", code=code, tests=tests)), say("So."))
    assert finished(await take(session, "go")).outcome == "success"
    assert other.returncode is None
    assert visits == []
    other.kill()
    await other.wait()
    server.close()


async def test_nothing_is_left_when_the_session_has_ended(desk: Desk, sandboxes: Path) -> None:
    session = await desk.session(approver=Asked(True))
    desk.server.script(say("", call("generate_tool", **written())), say("So."))
    await take(session, "go")
    await desk.close(session)
    left = [path for path in sandboxes.rglob("*") if not path.is_dir() and "checked" not in path.parts]
    assert left == []


async def test_without_a_sandbox_no_written_tool_is_offered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lra.tools.workbench.likely", lambda _url: "There is none.")
    session = await desk.session()
    assert "generate_tool" not in [tool.name for tool in session.tools()]
