"""A turn that works on a person's folder: the question at its end, and what follows from the answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from lra.errors import UnavailableError
from lra.events import ApprovalRequested, Notice, TextDelta, ToolFinished, TurnFinished, WorkspaceChanged
from lra.session import Session
from lra.tools.consent import Answer, Edited
from tests.session.support import Desk, end, of, take
from tests.support.model_server import call, say

pytestmark = pytest.mark.usefixtures("sandboxes")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.txt").write_text("one\n")
    return root


class Person:
    """Answers what is asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, name: str, args: dict[str, Any], reason: str, **more: Any) -> Answer:
        self.asked.append((name, args))
        return self.answer


async def opened(desk: Desk, project: Path, *, writable: bool = True, **options: Any) -> Session:
    desk.setenv(SANDBOX_URL="http://127.0.0.1:9")
    runtime = await desk.runtime()
    runtime.workshop.workspace = (project, writable)
    return await desk.session(runtime=runtime, **options)


def command(text: str) -> Any:
    return say("", call("run_command", command=text))


async def test_on_a_yes_the_changes_are_written(desk: Desk, project: Path) -> None:
    person = Person(True)
    desk.server.script(
        command("echo two > a.txt; echo new > b.txt"), say("Both are written now."), say("Nothing to do.")
    )
    session = await opened(desk, project, approver=person)
    events = await take(session, "change it")
    (changed,) = of(events, WorkspaceChanged)
    assert changed.files == ["a.txt (changed, 4 B)", "b.txt (new, 4 B)"]
    assert "-one\n+two\n" in changed.patch
    assert [name for name, _ in person.asked] == ["apply_changes"]
    assert person.asked[0][1]["patch"] == changed.patch
    # The question is part of the turn, and the answer stood before it.
    (asked,) = of(events, ApprovalRequested)
    answer = [event for event in events if isinstance(event, TextDelta)]
    assert "".join(event.text for event in answer) == "Both are written now."
    assert answer[-1].seq < changed.seq < asked.seq < end(events).seq
    assert end(events).outcome == "completed"
    assert {path.name: path.read_text() for path in project.iterdir()} == {"a.txt": "two\n", "b.txt": "new\n"}
    # A turn that changes nothing asks nothing.
    assert of(await take(session, "and now?"), ApprovalRequested) == []
    # Undoing does not reach the folder, and says so.
    assert "cannot be undone: what turn 1 wrote to your folder" in (await session.rewind_preview(1)).sentences()
    assert not any("your folder" in line for line in (await session.undo()).sentences())


async def test_the_model_is_told_what_the_folder_is(desk: Desk, project: Path) -> None:
    desk.server.script(say("I see."))
    await take(await opened(desk, project), "hello")
    said = " ".join(message.text for message in desk.server.last_messages() if message.role == "system")
    assert "copy of the person's folder 'project'" in said


async def test_on_a_no_nothing_is_written_and_the_model_hears_of_it(desk: Desk, project: Path) -> None:
    desk.server.script(command("echo two > a.txt"), say("Done."), command("cat a.txt"), say("I see."))
    session = await opened(desk, project, approver=Person("not like this"))
    events = await take(session, "change it")
    assert any("Nothing was written" in notice.text for notice in of(events, Notice))
    assert (project / "a.txt").read_text() == "one\n"
    again = await take(session, "look again")
    (done,) = of(again, ToolFinished)
    answer = json.loads(done.content)
    assert answer["stdout"] == "two\n"
    assert "did not take your changes to a.txt" in answer["note"]
    assert answer["note"].endswith("The reason: not like this")
    # It was refused as it is, and is not asked about again.
    assert of(again, ApprovalRequested) == []
    assert (project / "a.txt").read_text() == "one\n"


async def test_what_the_person_takes_out_is_not_written(desk: Desk, project: Path) -> None:
    class Chooser(Person):
        async def __call__(self, name: str, args: dict[str, Any], reason: str, **more: Any) -> Answer:
            await super().__call__(name, args, reason, **more)
            wrong = len(self.asked) == 1
            # What would be written is in the files: another patch is not.
            return Edited({**args, "patch": "else"} if wrong else {**args, "files": ["a.txt (changed, 4 B)"]})

    person = Chooser(True)
    desk.server.script(command("echo two > a.txt; echo new > b.txt"), say("Done."), command("true"), say("I see."))
    session = await opened(desk, project, approver=person)
    events = await take(session, "change it")
    said = [notice.text for notice in of(events, Notice)]
    assert any("Only whole files can be left out" in text for text in said)
    assert any("Wrote 1 of 2 changed files" in text for text in said)
    assert len(person.asked) == 2
    assert {path.name: path.read_text() for path in project.iterdir()} == {"a.txt": "two\n"}
    again = await take(session, "look again")
    (done,) = of(again, ToolFinished)
    assert "did not take your changes to b.txt" in json.loads(done.content)["note"]
    assert of(again, ApprovalRequested) == []


async def test_what_would_be_deleted_is_named_in_the_question(desk: Desk, project: Path) -> None:
    (project / "b.txt").write_text("two\n")
    desk.server.script(command("rm a.txt; echo three > b.txt"), say("Done."))
    (asked,) = of(await take(await opened(desk, project, approver=Person(True)), "change it"), ApprovalRequested)
    assert asked.reason.startswith("It changes 2 files of yours. It deletes a.txt.")
    assert not (project / "a.txt").exists()


async def test_where_nobody_can_be_asked_the_patch_is_kept(desk: Desk, project: Path, home: Path) -> None:
    desk.server.script(command("echo two > a.txt"), say("Done."))
    session = await opened(desk, project)
    events = await take(session, "change it")
    assert (project / "a.txt").read_text() == "one\n"
    (kept,) = list((home / "lra" / "patches").iterdir())
    assert "-one\n+two\n" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert any(str(kept) in notice.text for notice in of(events, Notice))


async def test_a_folder_for_reading_is_never_written(desk: Desk, project: Path) -> None:
    person = Person(True)
    desk.server.script(command("echo two > a.txt; cat a.txt"), say("Done."))
    session = await opened(desk, project, writable=False, approver=person)
    events = await take(session, "change it")
    assert person.asked == []
    assert of(events, WorkspaceChanged) == []
    assert (project / "a.txt").read_text() == "one\n"


async def test_what_the_person_changed_between_two_turns_is_seen(desk: Desk, project: Path) -> None:
    desk.server.script(command("cat a.txt"), say("One."), command("cat a.txt c.txt"), say("Three."))
    session = await opened(desk, project, approver=Person(True))
    await take(session, "read")
    (project / "a.txt").write_text("three\n")
    (project / "c.txt").write_text("fresh\n")
    (done,) = of(await take(session, "read again"), ToolFinished)
    assert json.loads(done.content)["stdout"] == "three\nfresh\n"


async def test_another_sandbox_has_the_changes_of_the_one_before(desk: Desk, project: Path) -> None:
    (project / "old.txt").write_text("old")
    desk.server.script(
        command("echo two > a.txt; rm old.txt; printf '#!/bin/sh\necho run' > r.sh; chmod +x r.sh"),
        say("", call("create_sandbox", language="shell")),
        command("cat a.txt; ./r.sh; ls"),
        say("Done."),
    )
    session = await opened(desk, project, approver=Person(True))
    events = await take(session, "change it")
    finished = [json.loads(event.content) for event in of(events, ToolFinished)]
    assert finished[2]["stdout"] == "two\nrun\na.txt\nr.sh\n"
    (changed,) = of(events, WorkspaceChanged)
    assert [line.split()[0] for line in changed.files] == ["a.txt", "r.sh", "old.txt"]
    assert sorted(path.name for path in project.iterdir()) == ["a.txt", "r.sh"]


async def test_pending_changes_survive_a_resume(desk: Desk, project: Path) -> None:
    desk.server.script(command("echo two > a.txt"), say("Done."), command("echo more >> a.txt"), say("Done."))
    session = await opened(desk, project, approver=Person(False))
    await take(session, "change it")
    await session.close(summarize=False)
    person = Person(True)
    again = await desk.session(runtime=session.runtime, resume=session.id, approver=person)
    await take(again, "go on")
    assert (project / "a.txt").read_text() == "two\nmore\n"


async def test_an_answer_that_is_stopped_at_the_question_writes_nothing(desk: Desk, project: Path) -> None:
    desk.server.script(command("echo two > a.txt"), say("Done."))
    session: Session

    async def stop(name: str, args: dict[str, Any], reason: str, **more: Any) -> Answer:
        session.cancel()
        await asyncio.sleep(30)
        return True

    session = await opened(desk, project, approver=stop)
    events = await take(session, "change it")
    finished = end(events)
    assert isinstance(finished, TurnFinished)
    assert finished.outcome == "interrupted"
    assert (project / "a.txt").read_text() == "one\n"


async def test_without_anything_to_run_in_it_is_said_at_once(
    desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lra.tools.workbench.likely", lambda url: "No code can be run here.")
    with pytest.raises(UnavailableError, match="No code can be run here"):
        await opened(desk, project)
