"""A person's folder in a sandbox: what goes in, what comes back, and what never does."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lra.errors import UsageError
from lra.tools.workspace import Workspace, folder_of
from lra.tools.workspace_changes import Change, Root, patch
from lra.tools.workspace_scan import ignored, is_secret, scan, usable
from sandbox.client import Client
from sandbox.http_client import HttpClient
from sandbox.manager import Manager
from sandbox.providers.base import Provider
from sandbox.providers.docker import DockerProvider
from sandbox.providers.local import LocalProvider
from tests.sandbox.serving import KEY, Service


def write(root: Path, **files: str | bytes) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "src").mkdir()
    (root / "src" / "a.py").write_text("def f():\n    return 1\n")
    (root / "old.txt").write_text("gone soon\n")
    (root / "run.sh").write_text("#!/bin/sh\necho hi\n")
    (root / "run.sh").chmod(0o755)
    (root / ".env").write_text("KEY=secret")
    (root / "x.log").write_text("noise")
    (root / ".gitignore").write_text("*.log\nbuild/\n")
    (root / "link").symlink_to("src/a.py")
    (root / "away").symlink_to("/etc/passwd")
    (root / "up").symlink_to("../outside")
    return root


@pytest.fixture
def repository(project: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    subprocess.run(["git", "init", "-q", "."], cwd=project, check=True)
    return project


class Used:
    """A workspace in a real sandbox."""

    def __init__(self, manager: Manager, sandbox_id: str, workspace: Workspace) -> None:
        self.manager, self.id, self.workspace = manager, sandbox_id, workspace

    async def run(self, command: str) -> str:
        said = ""
        async for event in self.manager.command(self.id, command):
            said += event.get("text", "")
        return said

    async def changes(self) -> list[Change]:
        return (await self.workspace.review(self.manager, self.id)).changes

    async def left(self) -> str:
        return " ".join((await self.workspace.review(self.manager, self.id)).left)

    async def apply(self) -> list[str]:
        return await self.workspace.apply(self.manager, self.id, await self.changes())


@pytest.fixture
async def manager(run_folder: Path) -> AsyncIterator[Manager]:
    provider = LocalProvider()
    if reason := await provider.check():
        pytest.skip(reason)
    manager = Manager(provider)
    yield manager
    await manager.close()


async def put(manager: Manager, root: Path) -> Used:
    workspace = Workspace(root, writable=True)
    sandbox_id = (await manager.create(limits=await workspace.limits()))["id"]
    await workspace.fill(manager, sandbox_id)
    return Used(manager, sandbox_id, workspace)


async def test_a_repository_goes_in_without_what_git_leaves_out(manager: Manager, repository: Path) -> None:
    used = await put(manager, repository)
    said = (await used.run("find . -mindepth 1 | sort")).split()
    assert said == ["./.gitignore", "./link", "./old.txt", "./run.sh", "./src", "./src/a.py"]
    assert used.workspace.secret == [".env"]
    assert (await used.run("./run.sh; cat link")).startswith("hi\ndef f")
    assert await used.changes() == []


async def test_changes_come_back_and_only_they(manager: Manager, repository: Path) -> None:
    used = await put(manager, repository)
    await used.run(
        "sed -i s/1/2/ src/a.py; rm old.txt; mkdir -p deep/er; printf new > deep/er/n.txt; chmod +x deep/er/n.txt"
    )
    await used.run("touch run.sh x.log; mkdir build; echo y > build/out; echo z > y.log; chmod 600 src/a.py")
    found = {each.path: each.kind for each in await used.changes()}
    assert found == {"src/a.py": "changed", "old.txt": "deleted", "deep/er/n.txt": "new"}
    # Nothing has been written by looking.
    assert (repository / "old.txt").exists()
    assert await used.apply() == []
    assert (repository / "src" / "a.py").read_text() == "def f():\n    return 2\n"
    assert not (repository / "old.txt").exists()
    made = repository / "deep" / "er" / "n.txt"
    assert made.read_text() == "new"
    assert os.access(made, os.X_OK)
    assert (made.stat().st_mode & 0o777) == (repository.stat().st_mode & 0o777)
    assert not (repository / "build").exists()
    assert await used.changes() == []


async def test_what_was_refused_is_not_asked_again_until_it_changes(manager: Manager, project: Path) -> None:
    used = await put(manager, project)
    await used.run("echo 2 > src/a.py; rm old.txt")
    used.workspace.refuse(await used.changes())
    assert await used.changes() == []
    await used.run("echo 3 > src/a.py")
    assert [each.path for each in await used.changes()] == ["src/a.py"]


async def test_what_the_person_changes_meanwhile_is_given_or_left_alone(manager: Manager, project: Path) -> None:
    used = await put(manager, project)
    await used.run("echo theirs > src/a.py")
    (project / "src" / "a.py").write_text("mine")
    (project / "run.sh").write_text("#!/bin/sh\necho changed\n")
    (project / "later.txt").write_text("later")
    (project / "old.txt").unlink()
    assert await used.workspace.refresh(manager, used.id) == ["src/a.py"]
    assert (await used.run("./run.sh; cat later.txt; ls old.txt 2>&1; cat src/a.py")).startswith("changed\nlater")
    assert await used.changes() == []
    assert "you changed yours" in await used.left()
    assert (project / "src" / "a.py").read_text() == "mine"
    assert "theirs" in await used.run("cat src/a.py")


async def test_a_file_that_changes_between_looking_and_writing_is_left_alone(manager: Manager, project: Path) -> None:
    used = await put(manager, project)
    await used.run("echo 2 > src/a.py; echo new > n.txt")
    found = await used.changes()
    (project / "src" / "a.py").write_text("mine")
    (project / "n.txt").write_text("mine, too")
    problems = await used.workspace.apply(manager, used.id, found)
    assert len(problems) == 2
    assert (project / "src" / "a.py").read_text() == "mine"
    assert (project / "n.txt").read_text() == "mine, too"


HOSTILE = [
    "mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit",
    "mkdir -p src/.GIT; echo evil > src/.GIT/config",
    "mkdir 'GIT~1'; echo evil > 'GIT~1/config'",
    "mkdir '.git '; echo evil > '.git /config'",
    "printf evil > \"$(printf 'a\\nb')\"",
    "printf evil > \"$(printf 'txt.\\342\\200\\256exe')\"",
    "printf evil > 'back\\slash'",
    "printf evil > .env.local",
    "rm link; printf evil > link",
]


@pytest.mark.parametrize("command", HOSTILE)
async def test_names_that_mean_something_else_are_not_taken(manager: Manager, project: Path, command: str) -> None:
    used = await put(manager, project)
    await used.run(command)
    assert await used.changes() == []
    assert "not taken from it" in await used.left()


async def test_links_of_the_sandbox_lead_nowhere(manager: Manager, project: Path) -> None:
    used = await put(manager, project)
    await used.run("ln -s /etc/passwd p; rm src/a.py; ln -s /etc/shadow src/a.py; ln -s / root")
    assert {each.path: each.kind for each in await used.changes()} == {}
    assert (project / "src" / "a.py").read_text().startswith("def f")


async def test_a_link_that_came_here_meanwhile_is_not_followed(manager: Manager, project: Path, tmp_path: Path) -> None:
    used = await put(manager, project)
    await used.run("echo evil > src/new.txt; echo evil > src/a.py")
    found = await used.changes()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("def f():\n    return 1\n")
    shutil.rmtree(project / "src")
    (project / "src").symlink_to(outside)
    assert len(await used.workspace.apply(manager, used.id, found)) == 2
    assert [path.name for path in outside.iterdir()] == ["a.py"]
    assert (outside / "a.py").read_text().startswith("def f")


async def test_a_file_that_becomes_a_folder_and_a_folder_that_becomes_a_file(manager: Manager, project: Path) -> None:
    used = await put(manager, project)
    await used.run("rm old.txt; mkdir old.txt; echo in > old.txt/in; rm -r src; echo flat > src")
    assert await used.apply() == []
    assert (project / "old.txt" / "in").read_text() == "in\n"
    assert (project / "src").read_text() == "flat\n"


async def test_another_process_goes_on_with_the_same_sandbox(manager: Manager, project: Path) -> None:
    used = await put(manager, project)
    await used.run("echo 2 > src/a.py")
    other = Workspace(project, writable=True)
    assert other.take(used.workspace.to_dict())
    assert [each.path for each in (await other.review(manager, used.id)).changes] == ["src/a.py"]
    assert not Workspace(project.parent, writable=True).take(used.workspace.to_dict())
    assert not other.take({"root": str(project), "known": [1]})


async def test_a_folder_of_many_files(manager: Manager, tmp_path: Path) -> None:
    root = tmp_path / "many"
    for number in range(60):
        folder = root / f"d{number}"
        folder.mkdir(parents=True)
        for each in range(100):
            (folder / f"f{each}").write_text(f"{number} {each}")
    used = await put(manager, root)
    assert (await used.run("find . -type f | wc -l")).strip() == "6000"
    await used.run("echo x > d59/f99; rm d0/f0; echo y > d30/new")
    found = {each.path: each.kind for each in await used.changes()}
    assert found == {"d59/f99": "changed", "d0/f0": "deleted", "d30/new": "new"}


async def test_what_is_no_text_or_large_is_named(manager: Manager, project: Path) -> None:
    used = await put(manager, project)
    await used.run("printf 'a\\000b' > b.bin; : > empty; head -c 30M /dev/zero > huge; printf 'no end' > e.txt")
    review = await used.workspace.review(manager, used.id)
    assert "Binary or long file: b.bin (new, 3 B)" in review.patch
    assert "Empty file: empty" in review.patch
    assert "\\ No newline at end of file" in review.patch
    assert "huge" not in review.patch
    assert any("huge stays in the sandbox" in each for each in review.left)


def test_a_patch_is_one_that_git_takes(repository: Path) -> None:
    before = (repository / "src" / "a.py").read_bytes()
    changes = [
        Change("src/a.py", before, before.replace(b"1", b"2").rstrip()),
        Change("new/n.txt", None, "é\r\nx\n".encode()),
        Change("old.txt", b"gone soon\n", None),
    ]
    subprocess.run(["git", "apply", "-"], input=patch(changes).encode(), cwd=repository, check=True)
    assert (repository / "src" / "a.py").read_bytes() == before.replace(b"1", b"2").rstrip()
    assert (repository / "new" / "n.txt").read_bytes() == "é\r\nx\n".encode()
    assert not (repository / "old.txt").exists()


def test_without_git_the_usual_is_left_out(project: Path) -> None:
    for name in ("node_modules", "__pycache__", ".venv"):
        (project / name).mkdir()
        (project / name / "x").write_text("")
    found = scan(project)
    assert sorted(found.files) == [".gitignore", "old.txt", "run.sh", "src/a.py", "x.log"]
    assert found.links == {"link": "src/a.py"}
    assert ignored(project, ["node_modules/y", "a/__pycache__/z", "fine"]) == {"node_modules/y", "a/__pycache__/z"}


def test_a_folder_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lra.tools.workspace_scan.MOST_FILES", 3)
    for number in range(5):
        (tmp_path / f"f{number}").write_text("")
    with pytest.raises(UsageError, match="more than 3 files"):
        scan(tmp_path)


@pytest.mark.parametrize("path", ["../x", "a/../b", "/etc/passwd", "", "a//b", ".git/x", "a/.Git/x", ".git./x", "a\tb"])
def test_paths_that_cannot_be_used(path: str) -> None:
    assert not usable(path)


def test_names_of_secrets() -> None:
    assert all(is_secret(each) for each in (".env", "a/.env.local", "key.pem", "id_rsa", "x/credentials.json"))
    assert not any(is_secret(each) for each in (".env.example", "id_rsa.pub", "keys.py", "environment.yml"))


def test_nothing_is_written_beside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "there.txt").write_text("mine")
    root = Root(tmp_path / "in")
    assert "not within" in str(root.apply(Change("../out.txt", None, b"x")))
    assert "not within" in str(root.apply(Change("a/../../out.txt", None, b"x")))
    assert root.read("../there.txt") is None
    assert root.apply(Change("../there.txt", b"mine", None)) is not None
    assert sorted(path.name for path in tmp_path.rglob("*.txt")) == ["there.txt"]


@pytest.mark.parametrize(("text", "writable"), [("{}", True), ("{}:rw", True), ("{}:ro", False)])
def test_how_a_folder_is_named(tmp_path: Path, text: str, writable: bool) -> None:
    assert folder_of(text.format(tmp_path)) == (tmp_path.resolve(), writable)


def test_folders_that_are_refused(tmp_path: Path, home: Path) -> None:
    for text in (str(tmp_path / "none"), "", ":rw", str(home), "/", str(home.parent)):
        with pytest.raises(UsageError):
            folder_of(text)


@pytest.fixture(params=["docker", "local over HTTP"])
async def elsewhere(request: pytest.FixtureRequest, run_folder: Path) -> AsyncIterator[Client]:
    """Other clients than a manager with the local provider."""
    over_http = request.param != "docker"
    provider: Provider = LocalProvider() if over_http else DockerProvider()
    if reason := await provider.check():
        pytest.skip(reason)
    if over_http:
        service = await Service.start("local")
        client: Client = HttpClient(service.url, KEY)
        yield client
        await client.close()
        await service.kill()
    else:
        manager = Manager(provider)
        yield manager
        await manager.close()


async def test_every_provider_and_the_service_work_alike(elsewhere: Client, project: Path) -> None:
    client = elsewhere
    workspace = Workspace(project, writable=True)
    sandbox_id = (await client.create(limits=await workspace.limits()))["id"]
    await workspace.fill(client, sandbox_id)
    assert (await workspace.review(client, sandbox_id)).changes == []
    said = ""
    async for event in client.command(sandbox_id, "./run.sh; sed -i s/1/2/ src/a.py; rm old.txt; echo n > new.txt"):
        said += event.get("text", "")
    assert said == "hi\n"
    (project / "later.txt").write_text("later")
    assert await workspace.refresh(client, sandbox_id) == []
    changes = (await workspace.review(client, sandbox_id)).changes
    assert {each.path: each.kind for each in changes} == {"src/a.py": "changed", "old.txt": "deleted", "new.txt": "new"}
    assert await workspace.apply(client, sandbox_id, changes) == []
    assert (project / "src" / "a.py").read_text() == "def f():\n    return 2\n"
    assert (await workspace.review(client, sandbox_id)).changes == []
    await client.delete(sandbox_id)
