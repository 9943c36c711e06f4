"""Conformance: files of a workspace, and nothing beyond it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.errors import SandboxError
from sandbox.manager import Manager
from tests.sandbox.running import Running


async def test_files_are_written_read_listed_and_removed(box: Running) -> None:
    client = box.client
    assert await client.write(box.id, "a/b/c.bin", b"\0\xff" * 400_000) == 800_000
    assert await box.read("a/b/c.bin") == b"\0\xff" * 400_000
    assert await box.read("/workspace/a/b/c.bin") == b"\0\xff" * 400_000
    assert await client.write(box.id, "empty", b"") == 0
    assert await box.read("empty") == b""
    found = await client.list_files(box.id, recursive=True)
    assert [(each["path"], each["type"]) for each in found["entries"]] == [
        ("a", "folder"),
        ("a/b", "folder"),
        ("a/b/c.bin", "file"),
        ("empty", "file"),
    ]
    await client.make_folder(box.id, "x/y")
    await client.remove(box.id, "a", recursive=True)
    left = (await client.list_files(box.id))["entries"]
    assert [each["path"] for each in left] == ["empty", "x"]


async def test_a_file_is_written_in_pieces_and_replaced_whole(box: Running) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b""
        yield b"two"

    await box.client.write(box.id, "f", b"much longer than what comes")
    assert await box.client.write(box.id, "f", pieces()) == 7
    assert await box.read("f") == b"one two"


async def test_code_and_files_see_the_same(box: Running) -> None:
    await box.client.write(box.id, "mod.py", b"value = 11")
    assert (await box.ok("import mod\nopen('out.txt', 'w').write('é')\nmod.value")).result == "11"
    assert await box.read("out.txt") == "é".encode()


OUTSIDE = ["../x", "a/../../x", "/etc/passwd", "/workspace/../etc/passwd", "/workspacex", "a\0b", "/", "x/" * 100]


@pytest.mark.parametrize("path", OUTSIDE)
async def test_paths_that_leave_are_refused(box: Running, path: str) -> None:
    with pytest.raises(SandboxError):
        await box.read(path)
    with pytest.raises(SandboxError):
        await box.client.write(box.id, path, b"x")


LINKS = [
    ("import os; os.symlink('/etc/passwd', 'link')", "link"),
    ("import os; os.symlink('/etc', 'dir')", "dir/passwd"),
    ("import os; os.symlink('/proc/self', 'p')", "p/environ"),
    ("import os; os.mkfifo('fifo')", "fifo"),
    ("import os; os.mkdir('folder')", "folder"),
]


@pytest.mark.parametrize(("code", "path"), LINKS)
async def test_what_is_no_plain_file_is_refused(box: Running, code: str, path: str) -> None:
    await box.ok(code)
    with pytest.raises(SandboxError):
        await box.read(path)
    with pytest.raises(SandboxError):
        await box.client.write(box.id, path, b"x")
    assert (await box.ok("1 + 1")).result == "2"


async def test_a_full_disk_is_an_error_and_not_the_end(manager: Manager) -> None:
    box = await Running.create(manager, limits={"disk_mb": 2})
    with pytest.raises(SandboxError, match="full"):
        await box.client.write(box.id, "big", b"x" * 4_000_000)
    await box.client.remove(box.id, "big")
    await box.client.write(box.id, "small", b"x")
