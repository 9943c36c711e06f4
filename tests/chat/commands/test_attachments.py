"""What goes along with a message, with a real record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lra.chat import attached_files
from lra.chat.attachments import resolve
from lra.config import load_settings
from lra.errors import UsageError
from lra.runtime import Runtime
from lra.session import Session

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
async def session(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    monkeypatch.setenv("LRA_MODEL", "offline")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
    monkeypatch.setenv("CO_API_KEY", "test-key")
    runtime = await Runtime.open(await asyncio.to_thread(load_settings))
    async with await Session.open(runtime) as session:
        yield session
    await runtime.close()


async def test_a_text_file_goes_along_fenced(session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print('```')\n")
    message = await resolve("read @a.py.", cwd=tmp_path, session=session)
    assert message.text == "read @a.py."
    (attachment,) = message.attachments
    assert (attachment.name, attachment.media_type, attachment.data) == ("a.py", "text/plain", None)
    assert attachment.text == "File a.py:\n````py\nprint('```')\n````"
    assert message.notes == []


async def test_words_that_name_nothing_stay_words(session: Session, tmp_path: Path) -> None:
    (tmp_path / "example.com").write_text("x")
    text = "mail me@example.com, ask @somebody, x@y @"
    message = await resolve(text, cwd=tmp_path, session=session, completed={"other"})
    assert (message.text, message.attachments, message.notes) == (text, [], [])


async def test_a_completed_word_that_is_gone_is_told(session: Session, tmp_path: Path) -> None:
    message = await resolve("see @gone.txt, please", cwd=tmp_path, session=session, completed={"gone.txt"})
    assert message.attachments == []
    assert message.notes == ["@gone.txt is gone; the word is sent as it stands."]


async def test_a_mistyped_file_is_told_and_a_name_or_a_decorator_is_none(session: Session, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    text = "count @nope.txt, @sub/gone @./x @ann @pytest.mark.parametrize @types/node @example.com"
    message = await resolve(text, cwd=tmp_path, session=session)
    assert message.attachments == []
    assert message.notes == [
        f"There is no file {name!r}. The word is sent as it stands." for name in ("nope.txt", "sub/gone", "./x")
    ]
    assert (await resolve("line\n" * 20 + "@nope.txt", cwd=tmp_path, session=session)).notes == []


async def test_names_with_spaces_folders_and_repeats(session: Session, tmp_path: Path) -> None:
    (tmp_path / "my file.md").write_text("# x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("b")
    (tmp_path / "sub" / ".hidden").write_text("h")
    message = await resolve('@"my file.md" and (@sub/) and @sub/', cwd=tmp_path, session=session)
    assert [attachment.name for attachment in message.attachments] == ["my file.md", "sub/"]
    assert message.attachments[1].text == "Folder sub/:\nb.txt"


async def test_a_long_file_is_cut_and_that_is_said(session: Session, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("é" * (attached_files.TEXT_CHARS + 5))
    message = await resolve("@long.txt", cwd=tmp_path, session=session)
    text = message.attachments[0].text
    assert text is not None
    assert text.count("é") == attached_files.TEXT_CHARS
    assert "[the rest was left out]" in text
    assert message.notes == ["Of long.txt only the first 100,000 characters go along."]


async def test_what_is_neither_text_nor_image_is_left_out(session: Session, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(bytes(range(256)))
    message = await resolve("@x.bin", cwd=tmp_path, session=session)
    assert message.attachments == []
    assert message.notes == ["x.bin is neither text, an image nor a PDF; it was left out."]


async def test_an_image_goes_to_who_takes_it(session: Session, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(PNG)
    with pytest.raises(
        UsageError, match=r"The offline model takes no images, so cat.jpg cannot go along. Nothing was sent."
    ):
        await resolve("@cat.jpg", cwd=tmp_path, session=session)
    await session.set_model("anthropic:claude-sonnet-5-5")
    message = await resolve("@cat.jpg", cwd=tmp_path, session=session)
    # By what it is, whatever its name says.
    assert message.attachments[0].media_type == "image/png"
    assert message.attachments[0].data == PNG


async def test_a_document_goes_to_who_takes_it(session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 x")
    await session.set_model("anthropic:claude-sonnet-5-5")
    message = await resolve("@a.pdf", cwd=tmp_path, session=session)
    assert message.attachments[0].media_type == "application/pdf"
    await session.set_model("offline")
    with pytest.raises(UsageError, match="takes no documents"):
        await resolve("@a.pdf", cwd=tmp_path, session=session)


async def test_memories_and_conversations(session: Session, tmp_path: Path) -> None:
    written = await session.runtime.memory.remember("The gate is green")
    async for _ in session.send("hello there"):
        pass
    words = f"@memory:{written.record.id} @session:{session.id[:8]}, @memory:nothing @session:nothing"
    message = await resolve(words, cwd=tmp_path, session=session)
    memory, talk = message.attachments
    assert memory.name == f"memory:{written.record.id}"
    assert memory.text is not None
    assert memory.text.endswith(": The gate is green")
    assert talk.name == f"session:{session.id}"
    assert talk.text is not None
    assert "Person: hello there\n\nAssistant: Hello" in talk.text
    assert len(message.notes) == 2


async def test_a_long_pasted_text_fetches_nothing_from_elsewhere(session: Session, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "here.txt").write_text("here")
    text = "line\n" * 20 + f"@../secret @{tmp_path}/secret @here.txt"
    message = await resolve(text, cwd=folder, session=session)
    assert [attachment.name for attachment in message.attachments] == ["here.txt"]
    assert [note.endswith("was left out of so long a text.") for note in message.notes] == [True, True]
    message = await resolve("look at @../secret", cwd=folder, session=session)
    assert [attachment.name for attachment in message.attachments] == ["../secret"]
