"""Tools of a managed agent work in its sandbox: commands, files, packages, network, environment."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lra import Agent
from lra.errors import LraError, UnavailableError, UsageError
from lra.managed import LocalManagedConfig, ManagedConfig, ManagedSandboxRequired, NetworkingConfig, PackagesConfig
from sandbox.errors import UnavailableError as NoContainer
from sandbox.providers.docker import DockerProvider
from sandbox.providers.local import LocalProvider
from tests.managed.conftest import Make
from tests.support.model_server import ModelServer, ToolCall, call, say

NO_ENGINE = "unix:///nonexistent"
pytestmark = pytest.mark.usefixtures("run_folder")


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> str:
    if reason := asyncio.run(LocalProvider().check()):
        pytest.skip(reason)
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    return "local"


@pytest.fixture
def docker() -> str:
    if reason := asyncio.run(DockerProvider().check()):
        pytest.skip(reason)
    return "docker"


@pytest.fixture(params=["docker", "local"])
def compute(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def coder(**fields: Any) -> LocalManagedConfig:
    return LocalManagedConfig(model="gpt-4o-mini", **fields)


def results(model_server: ModelServer) -> list[dict[str, Any]]:
    """What the model was told of its calls, in the last request."""
    return [json.loads(message.text) for message in model_server.last_messages() if message.role == "tool"]


def told(model_server: ModelServer) -> str:
    """What the model was told besides what was said."""
    return "\n".join(message.text for message in model_server.last_messages() if message.role == "system")


def ask(agent: Agent, model_server: ModelServer, *calls: ToolCall) -> list[dict[str, Any]]:
    """Let the model make calls one after the other, and return their results."""
    model_server.script(*(say("", each) for each in calls), say("Done."))
    before = len(results(model_server)) if model_server.requests else 0
    assert agent.start("Do it.") == "Done."
    return results(model_server)[before:]


def test_commands_and_files_are_those_of_the_sandbox(
    managed: Make, model_server: ModelServer, compute: str, home: Path
) -> None:
    backend = managed(config=coder(env={"MODE": "test"}), compute=compute)
    agent = Agent(name="coder", backend=backend)
    awkward = 'it\'s "quoted" $HOME\nEOF\n\ttabs, ünï ✓\n'
    ran, written, read, listed, host = ask(
        agent,
        model_server,
        call("execute_command", command="echo $MODE; pwd; exit 3"),
        call("write_file", path="notes/a.txt", content=awkward),
        call("read_file", path="notes/a.txt"),
        call("list_files"),
        call("read_file", path="/etc/passwd"),
    )
    assert (ran["stdout"], ran["exit"], ran["success"]) == ("test\n/workspace\n", 3, False)
    assert written["size"] == len(awkward.encode())
    assert read["content"] == awkward
    assert "notes/a.txt" in [each["path"] for each in listed["entries"]]
    assert "outside the workspace" in host["error"]
    assert not (home / "work" / "notes").exists()
    # The next turn finds what this one left.
    (again,) = ask(agent, model_server, call("execute_command", command="cat notes/a.txt"))
    assert again["stdout"] == awkward
    assert "note" not in again
    tools = model_server.requests[-1].tools
    assert tools == ["web_search", "execute_command", "read_file", "write_file", "list_files"]


def test_the_toolset_of_the_field(managed: Make, model_server: ModelServer, local: str) -> None:
    agent = Agent(backend=managed(config=ManagedConfig(model="gpt-4o-mini"), compute=local))
    _, edited, _, twice, found, lines, nothing, missing = ask(
        agent,
        model_server,
        call("write_file", path="src/app.py", content="name = 'x'\nprint(name)\n"),
        call("edit_file", path="src/app.py", old_text="'x'", new_text="'y'"),
        call("write_file", path="src/deep/b.py", content="a\na\n"),
        call("edit_file", path="src/deep/b.py", old_text="a", new_text="b"),
        call("find_files", pattern="**/*.py"),
        call("search_files", pattern="na[m]e =", path="src"),
        call("search_files", pattern="nowhere"),
        call("edit_file", path="src/app.py", old_text="gone", new_text=""),
    )
    assert edited["replaced"] == 1
    assert "stands in src/deep/b.py 2 times" in twice["error"]
    assert found == {"files": ["src/app.py", "src/deep/b.py"], "complete": True}
    assert lines == {"lines": ["src/app.py:1:name = 'y'"]}
    assert nothing == {"lines": []}
    assert missing["error"] == "old_text does not stand in src/app.py."


def test_a_working_directory(managed: Make, model_server: ModelServer, compute: str) -> None:
    config = coder(working_dir="/workspace/app", tools=["execute_command", "execute_code", "write_file", "list_files"])
    agent = Agent(backend=managed(config=config, compute=compute))
    ran, code, code_again, _, listed = ask(
        agent,
        model_server,
        call("execute_command", command="pwd; touch made"),
        call("execute_code", code="import os; os.getcwd()"),
        call("execute_code", code="os.getcwd()"),
        call("write_file", path="written", content=""),
        call("list_files"),
    )
    assert ran["stdout"] == "/workspace/app\n"
    assert [each["path"] for each in ran["files"]] == ["made"]
    assert code["result"] == code_again["result"] == "'/workspace/app'"
    assert sorted(each["path"] for each in listed["entries"]) == ["made", "written"]


def test_a_sandbox_without_compute_reaches_nothing(managed: Make, model_server: ModelServer, local: str) -> None:
    agent = Agent(backend=managed(config=coder()))
    (ran,) = ask(agent, model_server, call("execute_command", command="cat /proc/net/route | wc -l"))
    assert ran["stdout"] == "1\n"
    assert "There is no network in it." in told(model_server)


def test_limited_networking_is_enforced(managed: Make, model_server: ModelServer, compute: str) -> None:
    script = (
        "python3 -c \"import urllib.request as u\ntry: u.urlopen('http://elsewhere.example.org', timeout=5)\n"
        'except Exception as e: print(type(e).__name__, e)"'
    )
    config = coder(networking={"type": "limited", "allowed_hosts": ["api.example.com"]})
    agent = Agent(backend=managed(config=config, compute=compute))
    (ran,) = ask(agent, model_server, call("execute_command", command=script))
    assert "403" in ran["stdout"]
    closed = Agent(backend=managed(config=coder(networking=NetworkingConfig(type="limited")), compute=compute))
    model_server.requests.clear()
    (ran,) = ask(closed, model_server, call("execute_command", command=script))
    assert "URLError" in ran["stdout"]


def test_docker_without_limits_has_a_network(managed: Make, model_server: ModelServer, docker: str) -> None:
    agent = Agent(backend=managed(config=coder(), compute=docker))
    (ran,) = ask(agent, model_server, call("execute_command", command="cat /proc/net/route | wc -l"))
    assert int(ran["stdout"]) > 1


def test_docker_that_is_not_there_is_said(managed: Make, model_server: ModelServer, local: str) -> None:
    with pytest.raises(UnavailableError, match="Docker was asked for and cannot be used"):
        Agent(backend=managed(config=coder(), compute="docker")).start("hello")
    with pytest.raises(UnavailableError, match="Docker was asked for"):
        asyncio.run(managed(config=coder(sandbox_type="docker")).provision_compute())


def test_docker_that_starts_nothing_is_no_other_sandbox(
    managed: Make, model_server: ModelServer, docker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> object:
        raise NoContainer("No image.")

    monkeypatch.setattr(DockerProvider, "start", fails)
    closed = coder(networking={"type": "limited"})
    agent = Agent(backend=managed(config=closed, compute=docker))
    (ran,) = ask(agent, model_server, call("execute_command", command="echo ran"))
    assert "Docker was asked for and cannot be used." in ran["error"]
    assert "stdout" not in ran


def test_without_any_sandbox_nothing_runs(
    managed: Make, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_server.script(say("I only talk."))
    agent = Agent(backend=managed(config=coder(sandbox_type="none")))
    assert agent.start("hello") == "I only talk."
    assert model_server.requests[-1].tools == ["web_search"]
    monkeypatch.setattr("lra.managed.compute.likely", lambda url: "No code can be run here: try elsewhere.")
    with pytest.raises(UnavailableError, match="No code can be run here"):
        Agent(backend=managed(config=coder(), compute="local")).start("hello")


def test_a_sandbox_by_hand(managed: Make, local: str) -> None:
    backend = managed(config=LocalManagedConfig(model="offline"), compute=local)

    async def use() -> None:
        made = await backend.provision_compute()
        assert made["provider"] == "local"
        ran = await backend.execute_in_compute("echo out; echo err >&2; exit 7")
        assert ran == {"stdout": "out\n", "stderr": "err\n", "exit_code": 7}
        await backend.shutdown_compute()
        await backend.shutdown_compute()
        assert (await backend.provision_compute())["id"] != made["id"]

    asyncio.run(use())


def test_what_was_made_otherwise_is_not_used_again(managed: Make, model_server: ModelServer, local: str) -> None:
    first = managed(config=coder(env={"MODE": "a"}), compute=local)
    ask(Agent(backend=first), model_server, call("execute_command", command="touch left; echo $MODE"))
    first.update_agent(env={"MODE": "b"})
    model_server.requests.clear()
    (ran,) = ask(Agent(backend=first), model_server, call("execute_command", command="ls; echo $MODE"))[-1:]
    assert ran["stdout"] == "b\n"


def wheel(folder: Path, name: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "ANSWER = 42\n")
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that can be installed and was never before; an image that was built with it goes again."""
    name = f"lramanaged{uuid.uuid4().hex[:8]}"
    wheel(tmp_path, name)
    monkeypatch.setenv("SANDBOX_WHEELS", str(tmp_path))
    monkeypatch.delenv("SANDBOX_PIP_INDEX", raising=False)
    for variable, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    yield name
    if os.environ.get("DOCKER_HOST") != NO_ENGINE:
        import docker

        client = docker.from_env()
        for image in client.images.list():
            if name in json.dumps(image.labels):
                client.images.remove(image.id, force=True)
        client.close()


def test_packages_are_installed_in_the_sandbox(
    package: str, managed: Make, model_server: ModelServer, compute: str
) -> None:
    config = ManagedConfig(model="gpt-4o-mini", packages=PackagesConfig(pip=[package]))
    agent = Agent(name="analyst", backend=managed(provider="local", config=config, compute=compute))
    (ran,) = ask(
        agent, model_server, call("execute_command", command=f"python3 -c 'import {package} as p; print(p.ANSWER)'")
    )
    assert ran["stdout"] == "42\n"
    assert f"Installed in it: {package}." in told(model_server)
    with pytest.raises(ImportError):
        __import__(package)


def test_packages_need_a_sandbox(managed: Make, model_server: ModelServer) -> None:
    for packages in ({"pip": ["pandas"]}, {"npm": ["axios"]}, {"pip": ["pandas"], "apt": ["jq"]}):
        agent = Agent(backend=managed(config=ManagedConfig(model="gpt-4o-mini", packages=packages)))
        for stream in (False, True):
            with pytest.raises(
                ManagedSandboxRequired, match=r"need a sandbox.*compute='docker'.*host_packages_ok"
            ) as raised:
                agent.start("Install it.", stream=stream)
            assert next(iter(packages.values()))[0] in str(raised.value)
    assert model_server.requests == []


def test_packages_that_cannot_be_had_stop_the_turn(managed: Make, local: str, package: str) -> None:
    config = coder(packages={"pip": ["lra-no-such-package"]})
    with pytest.raises(UnavailableError, match="lra-no-such-package"):
        Agent(backend=managed(config=config, compute=local)).start("hello")
    with pytest.raises(LraError, match="npm need the docker provider"):
        Agent(backend=managed(config=coder(packages={"npm": ["axios"]}), compute=local)).start("hello")


def test_packages_on_the_host_are_a_choice(
    managed: Make, model_server: ModelServer, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    monkeypatch.setenv("PIP_TARGET", str(target))
    model_server.script(say("One."), say("Two."))
    agent = Agent(backend=managed(config=coder(packages={"pip": [package]}, host_packages_ok=True, tools=[])))
    agent.start("hello")
    assert (target / f"{package}.py").exists()
    shutil.rmtree(target)
    agent.start("hello again")
    assert not target.exists()
    wrong = (
        ({"npm": ["axios"]}, UsageError),
        ({"pip": ["--pre"]}, UsageError),
        ({"pip": ["lra-none"]}, UnavailableError),
    )
    for packages, kind in wrong:
        with pytest.raises(kind):
            Agent(backend=managed(config=coder(packages=packages, host_packages_ok=True))).start("hello")
