"""Skills: names first, the rest when it is asked for, and never anything outside their folders."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lra import events
from lra.config import config_dir, load_settings
from lra.config.trust import trust
from lra.errors import LraError
from lra.tools.skills import Skill, find_skills, places, read_skill
from tests.session.support import Desk, of, rows, take
from tests.support.model_server import call, say


def write(folder: Path, name: str, text: str) -> Path:
    """Write a skill, and return its folder."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "SKILL.md").write_text(text)
    return folder / name


def found(trusted: bool = True) -> tuple[dict[str, Skill], list[str]]:
    if trusted:
        trust(Path.cwd(), config_dir())
    skills, problems = find_skills(places(load_settings()))
    return {skill.name: skill for skill in skills}, problems


def user_skills() -> Path:
    return load_settings().home / "skills"


def test_a_projects_skills_count_where_it_is_trusted() -> None:
    write(user_skills(), "bread", "---\nname: bread\ndescription: How I bake.\n---\nMine.")
    write(Path("skills"), "bread", "---\nname: bread\ndescription: How we bake.\n---\nOurs.")
    write(Path(".lra/skills"), "wine", "---\ndescription: Which wine.\n---\nRed.")
    before, _ = found(trusted=False)
    assert [(each.name, each.source) for each in before.values()] == [("bread", "user")]
    after, problems = found()
    assert [(each.name, each.source, each.description) for each in after.values()] == [
        ("bread", "project", "How we bake."),
        ("wine", "project", "Which wine."),
    ]
    assert problems == []
    assert read_skill(after["bread"]) == "Ours."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Just text.", "has no description"),
        ("---\ndescription: [\n---\n", "line "),
        ("---\nname: ../x\ndescription: d\n---\n", "no name for a skill"),
        ("---\ndescription: d\n", "have no end"),
        ("---\n- a\n---\n", "no list of"),
    ],
)
def test_a_mistake_leaves_one_skill_out_and_says_where(text: str, told: str) -> None:
    write(user_skills(), "good", "---\ndescription: d\n---\n")
    write(user_skills(), "bad", text)
    skills, problems = found()
    assert list(skills) == ["good"]
    (problem,) = problems
    assert problem.startswith("A skill was left out. ")
    assert "bad/SKILL.md" in problem
    assert told in problem


def test_only_files_of_the_skill_are_read(home: Path) -> None:
    (home / "secret").write_text("s3cret")
    folder = write(Path("skills"), "pdf", "---\ndescription: d\n---\nSee forms.md.")
    (folder / "forms.md").write_text("Forms.")
    (folder / "tools").mkdir()
    (folder / "tools" / "fill.py").write_text("print()")
    (folder / "logo.png").write_bytes(b"\x89PNG\xff")
    (folder / "link").symlink_to(home / "secret")
    skill = found()[0]["pdf"]
    assert read_skill(skill) == (
        "See forms.md.\n\nFiles of this skill, to be read with load_skill too: forms.md, link, logo.png, tools/fill.py"
    )
    assert read_skill(skill, "forms.md") == "Forms."
    assert read_skill(skill, "./tools/fill.py") == "print()"
    for file in ("../../../secret", str(home / "secret"), "link", "tools/../../../../secret"):
        with pytest.raises(LraError, match="does not lie in the folder of the skill pdf"):
            read_skill(skill, file)
    with pytest.raises(LraError, match="is no text"):
        read_skill(skill, "logo.png")
    with pytest.raises(LraError, match=r"has no file nope\. There are: forms\.md"):
        read_skill(skill, "nope")


def test_a_skill_that_is_a_link_to_something_else_is_none(home: Path) -> None:
    elsewhere = write(home / "elsewhere", "own", "---\ndescription: mine\n---\ns3cret")
    Path("skills").mkdir()
    Path("skills/stolen").symlink_to(elsewhere)
    assert found() == ({}, [])


async def test_a_model_is_told_names_and_reads_the_rest(desk: Desk) -> None:
    text = "---\ndescription: How bread is baked.\n---\nTwelve hours of patience."
    await asyncio.to_thread(lambda: write(user_skills(), "bread", text))
    session = await desk.session(use_memory=False)
    desk.server.add(say("", call("load_skill", name="bread")), say("", call("load_skill", name="cake")), say("Done."))
    seen = await take(session, "bake")
    read, none = of(seen, events.ToolFinished)
    assert (read.outcome, read.content) == ("success", "Twelve hours of patience.")
    assert none.outcome == "failed"
    assert "There is no skill 'cake'. There are: bread." in none.content
    first = desk.server.requests[0]
    system = "\n".join(message.text for message in first.messages if message.role == "system")
    assert "- bread: How bread is baked." in system
    assert "Twelve hours" not in system
    assert not any("How bread is baked." in (row.payload or "") for row in await rows(session))


async def test_without_skills_nothing_is_said_of_them(desk: Desk) -> None:
    session = await desk.session(use_memory=False)
    desk.server.add(say("Hello."))
    await take(session, "hello")
    assert "load_skill" not in desk.server.requests[0].tools
