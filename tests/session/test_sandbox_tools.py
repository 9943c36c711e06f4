"""Code that a message asks for runs in a sandbox, is shown while it runs, and shares its names within the session."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest

from lra import events
from lra.config import load_settings
from lra.runtime import Runtime
from lra.session import Session
from lra.tools.consent import Answer
from lra.tools.workbench import KEPT, LOST
from sandbox.client import probe
from tests.session.support import Desk, take
from tests.support.model_server import call, say


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _send(session: Session, text: str) -> list[events.Event]:
    return [event async for event in session.send(text)]


def _result(seen: list[events.Event]) -> dict[str, object]:
    finished = [event for event in seen if isinstance(event, events.ToolFinished)]
    return dict(json.loads(finished[0].content))


async def test_code_runs_and_its_output_is_shown_as_it_comes(sandboxes: Path) -> None:
    async with await Session.open(model="offline", use_memory=False) as session:
        assert "execute_code" in [tool.name for tool in session.tools()]
        seen = await _send(session, "run: `x = 6; print('\\x1b[2Jhello')`")
        progress = "".join(event.text for event in seen if isinstance(event, events.ToolProgress))
        assert "hello" in progress
        assert "\x1b" not in progress
        assert _result(seen)["success"] is True
        again = await _send(session, "run: `x * 7`")
        assert _result(again)["result"] == "42"
    # Nothing is left when the session has ended.
    left = [path for path in sandboxes.rglob("*") if not path.is_dir() and "checked" not in path.parts]
    assert left == []


async def test_a_failure_is_told(sandboxes: Path) -> None:
    async with await Session.open(model="offline", use_memory=False) as session:
        seen = await _send(session, "run: `1 / 0`")
        assert "ZeroDivisionError" in str(_result(seen)["error"])


async def test_without_a_provider_no_tool_is_offered_and_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("sandbox.likely.DOCKER_SOCKET", "/nonexistent")
    monkeypatch.setattr("sandbox.likely.local_lacks", lambda: "this kernel has no Landlock")
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9")
    async with await Session.open(model="offline", use_memory=False) as session:
        assert "execute_code" not in [tool.name for tool in session.tools()]
        seen = await _send(session, "run: `1 + 1`")
        assert not any(isinstance(event, events.ToolStarted) for event in seen)
        assert "sandbox" in seen[-1].to_dict()["output"].lower()


async def test_opening_a_session_loads_nothing_of_the_sandbox(sandboxes: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from lra.session import Session\n"
        "async def main():\n"
        "    async with await Session.open(model='offline', use_memory=False) as session:\n"
        "        assert 'execute_code' in [tool.name for tool in session.tools()]\n"
        "        async for event in session.send('hello'): pass\n"
        "asyncio.run(main())\n"
        "print([name for name in ('docker', 'sandbox.manager', 'sandbox.http_client') if name in sys.modules])\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"


async def test_files_a_run_produced_are_told_to_both(sandboxes: Path) -> None:
    async with await Session.open(model="offline", use_memory=False) as session:
        seen = await _send(session, "run: `open('out.csv', 'w').write('a,b')`")
        assert _result(seen)["files"] == [{"path": "out.csv", "size": 3}]
        assert any(
            isinstance(event, events.Notice) and "out.csv (3 B)" in event.text and "/save" in event.text
            for event in seen
        )
        # What did not change is not told again.
        assert "files" not in _result(await _send(session, "run: `1 + 1`"))


async def test_a_picture_that_code_shows_is_a_file(sandboxes: Path) -> None:
    code = (
        "class P:\n    def _repr_png_(self): return b'\\x89PNG'\nopen('figure-1.txt', 'w').close()\ndisplay(P())\nP()"
    )
    async with await Session.open(model="offline", use_memory=False) as session:
        seen = await _send(session, f"run:\n```python\n{code}\n```")
        files = _result(seen)["files"]
        assert isinstance(files, list)
        assert [each["path"] for each in files] == ["figure-2.png", "figure-3.png", "figure-1.txt"]
        assert any(isinstance(event, events.Notice) and "figure-2.png (4 B)" in event.text for event in seen)
        assert session.workbench is not None
        present = await session.workbench.present()
        assert present is not None
        client, sandbox_id = present
        assert b"".join([piece async for piece in client.read(sandbox_id, "figure-3.png")]) == b"\x89PNG"


async def test_a_session_that_is_opened_again_in_the_same_process_has_its_names(sandboxes: Path) -> None:
    runtime = await Runtime.open(await asyncio.to_thread(load_settings))
    try:
        session = await Session.open(runtime, model="offline", use_memory=False)
        await _send(session, "run: `x = 21`")
        await session.close(summarize=False)
        other = await Session.open(runtime, model="offline", use_memory=False)
        assert "NameError" in str(_result(await _send(other, "run: `x`"))["error"])
        await other.close(summarize=False)
        again = await Session.open(runtime, model="offline", use_memory=False, resume=session.id)
        found = _result(await _send(again, "run: `x * 2`"))
        assert found["result"] == "42"
        assert found["note"] == KEPT
        await again.close(summarize=False)
    finally:
        await runtime.close()


async def test_a_session_whose_sandbox_is_gone_says_so_once(sandboxes: Path) -> None:
    async with await Session.open(model="offline", use_memory=False) as session:
        await _send(session, "run: `x = 21`")
    async with await Session.open(model="offline", use_memory=False, resume=session.id) as session:
        seen = await _send(session, "run: `1 + 1`")
        assert _result(seen)["note"] == LOST
        assert [event.text for event in seen if isinstance(event, events.Notice) and event.level == "warning"] == [LOST]
        assert "note" not in _result(await _send(session, "run: `1 + 1`"))


async def test_after_a_killed_process_the_names_are_still_there(sandboxes: Path) -> None:
    code = (
        "import asyncio\n"
        "from lra.session import Session\n"
        "from sandbox.providers import registry\n"
        "registry.names = lambda: ['local']\n"
        "async def main():\n"
        "    session = await Session.open(model='offline', use_memory=False)\n"
        "    async for event in session.send('run: `x = 21`'): pass\n"
        "    print(session.id, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    session_id = (await process.stdout.readline()).decode().strip()
    process.kill()
    await process.wait()
    async with await Session.open(model="offline", use_memory=False, resume=session_id) as session:
        seen = await _send(session, "run: `x * 2`")
        assert _result(seen).get("result") == "42", _result(seen)
        assert _result(seen)["note"] == KEPT


async def test_with_a_service_the_names_outlive_the_program(
    sandboxes: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    monkeypatch.setenv("SANDBOX_URL", url)
    command = [sys.executable, "-m", "lra", "sandbox", "serve", "--port", str(unused_tcp_port), "--provider", "local"]
    service = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        for _ in range(200):
            if (await asyncio.to_thread(probe, url)).is_sandbox:
                break
            await asyncio.sleep(0.05)
        async with await Session.open(model="offline", use_memory=False) as session:
            await _send(session, "run: `x = 21`")
        async with await Session.open(model="offline", use_memory=False, resume=session.id) as session:
            found = _result(await _send(session, "run: `x * 2`"))
            assert (found["result"], found["note"]) == ("42", KEPT)
    finally:
        service.terminate()
        await service.wait()


@pytest.mark.parametrize("answer", [True, False, "not there"])
async def test_network_is_granted_by_the_person_alone(
    desk: Desk, sandboxes: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    async def approve(name: str, args: dict[str, object], reason: str, **more: object) -> Answer:
        asked.append((name, reason))
        return answer

    desk.setenv(SANDBOX_URL="http://127.0.0.1:9")
    desk.server.script(
        say("", call("create_sandbox", network="limited", allowed_hosts=["example.com"])), say("As you like.")
    )
    session = await desk.session(approver=approve)
    seen = await take(session, "fetch example.com")
    assert [name for name, _ in asked] == ["create_sandbox"]
    assert "example.com" in asked[0][1]
    (finished,) = [event for event in seen if isinstance(event, events.ToolFinished)]
    if answer is not True:
        assert finished.outcome == "denied"
        assert "refused" in finished.content
    else:
        assert _result(seen)["network"] == "limited"


async def test_a_plain_sandbox_of_another_language_asks_nobody(desk: Desk, sandboxes: Path) -> None:
    desk.setenv(SANDBOX_URL="http://127.0.0.1:9")
    desk.server.script(
        say("", call("create_sandbox", language="shell")),
        say("", call("execute_code", code="echo $((6 * 7))")),
        say("42."),
    )
    seen = await take(await desk.session(), "use a shell")
    assert not any(isinstance(event, events.ApprovalRequested) for event in seen)
    finished = [json.loads(event.content) for event in seen if isinstance(event, events.ToolFinished)]
    assert finished[0]["language"] == "shell"
    assert finished[1]["stdout"] == "42\n"
