"""Packages of a sandbox: names that are none, failures that name the package, and one image for each set."""

from __future__ import annotations

import asyncio
import sys
import uuid
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import InvalidError
from sandbox.manager import Manager
from sandbox.packages import MOST, checked, culprits, fingerprint
from sandbox.providers.docker import DockerProvider
from sandbox.providers.docker.image import KERNEL
from sandbox.providers.docker.packages import _dockerfile
from sandbox.providers.local import LocalProvider
from tests.sandbox.running import Running

GOOD = {
    "pip": ["six", "pandas==2.2.3", "uvicorn[standard]>=0.30,<1", "ruamel.yaml", "A1", "x~=1.0"],
    "npm": ["left-pad", "@types/node", "is-odd@3.0.1", "x@^1.2.3", "x@~1", "x@latest", "a.b_c"],
    "apt": ["jq", "g++", "libstdc++-12-dev", "python3.11", "jq=1.6-2.1+deb12u1", "0ad"],
}
BAD = {
    "pip": [
        *("-r x", "--index-url=http://evil.test", "x; echo", "x @ http://evil.test/x.whl", "x\n-e .", "../x", "$(x)"),
        *("git+https://evil.test/x", "x==1 --hash", "", " x", "x ", "x==", "./x", "/x", "x\0", "é", "x" * 200, "x;y"),
    ],
    "npm": [
        *("-g", "--registry=x", "git+ssh://x", "x@npm:y", "x@file:../y", "x@http://y", "../x", "/x", "./x", "x y"),
        *("x;y", "`x`", "$(x)", "@/x", "@x", "x@", "X", "x\ny", "user/repo", "x@user/repo", "", "x@../y", "@../x"),
    ],
    "apt": [
        *("-y", "--force", "jq-", "jq/stable", "./x.deb", "/x.deb", "x y", "x;y", "x\ny", "task^", "X", "", "jq=$(x)"),
        *("jq=1;2", "x'", "*", "lib*", "jq:amd64:i386"),
    ],
}
EVERY_GOOD = [(manager, name) for manager, names in GOOD.items() for name in names]
EVERY_BAD = [(manager, name) for manager, names in BAD.items() for name in names]


@pytest.mark.parametrize(("manager", "name"), EVERY_GOOD)
def test_names_of_packages(manager: str, name: str) -> None:
    assert checked({manager: (name,)}) == {manager: [name]}


@pytest.mark.parametrize(("manager", "name"), EVERY_BAD)
def test_what_is_no_name_is_refused(manager: str, name: str) -> None:
    with pytest.raises(InvalidError, match="is not the name of"):
        checked({manager: (name,)})


def test_sets_are_told_apart_whatever_their_order() -> None:
    one = checked({"pip": ("b", "a", "b"), "npm": ()})
    assert one == {"pip": ["a", "b"]}
    assert fingerprint(one) == fingerprint(checked({"pip": ("a", "b")}))
    assert fingerprint(one) != fingerprint(checked({"npm": ("a", "b")}))
    assert fingerprint(one) != fingerprint(one, "another image")
    with pytest.raises(InvalidError, match="package manager 'gem'"):
        checked({"gem": ("x",)})
    with pytest.raises(InvalidError, match="more than"):
        checked({"pip": tuple(f"p{number}" for number in range(MOST + 1))})


SAID = [
    (
        "ERROR: No matching distribution found for lra-no.such==1",
        {"pip": ["six", "lra_no_such==1"]},
        ["lra_no_such==1"],
    ),
    ("error: Failed building wheel for mod-x", {"pip": ["six", "mod.x"]}, ["mod.x"]),
    ("E: Unable to locate package nothere", {"apt": ["jq", "nothere"]}, ["nothere"]),
    ("E: Version '9' for 'jq' was not found", {"apt": ["jq=9", "curl"]}, ["jq=9"]),
    (
        "npm ERR! notarget No matching version found for is-odd@99.0.0.",
        {"npm": ["x", "is-odd@99.0.0"]},
        ["is-odd@99.0.0"],
    ),
    ("npm error 404  '@a/b@*' is not in this registry.", {"npm": ["x", "@a/b"]}, ["@a/b"]),
    # What another one needs is named as it was said.
    ("ERROR: No matching distribution found for deep>=3", {"pip": ["six"]}, ["deep>=3"]),
    ("something else", {"pip": ["a"], "apt": ["b"]}, ["a", "b"]),
]


@pytest.mark.parametrize(("said", "wanted", "named"), SAID)
def test_a_failure_names_the_package(said: str, wanted: dict[str, list[str]], named: list[str]) -> None:
    assert culprits(["Collecting six", said], wanted) == named


def test_names_never_stand_in_a_command() -> None:
    wanted = {"pip": ["pipname"], "npm": ["npmname"], "apt": ["aptname"]}
    text = _dockerfile(wanted)
    assert not any(name in text for names in wanted.values() for name in names)
    assert text.strip().splitlines()[-1] == "USER 10001:10001"


def wheel(folder: Path, name: str) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "ANSWER = 42\n")
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


async def lra(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lra", "sandbox", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@pytest.mark.parametrize("arguments", [("--apt", "jq-"), ("--npm", "x@file:y"), ("x; y",)])
async def test_the_command_that_builds_takes_names_alone(docker: DockerProvider, arguments: tuple[str, ...]) -> None:
    code, said = await lra("build", "--provider", "docker", *arguments)
    assert code != 0
    assert "is not the name of" in said


@pytest.fixture
async def docker(request: pytest.FixtureRequest) -> DockerProvider:
    provider = DockerProvider()
    if reason := await provider.check():
        pytest.skip(reason)
    await provider.build({})
    # From here on builds reach nothing, whatever this machine reaches.
    provider._images = replace(provider._images, network="none")
    return provider


async def test_a_package_of_the_system_that_cannot_be_had_is_named(docker: DockerProvider) -> None:
    with pytest.raises(InvalidError, match="because of lra-no-such-package: E: Unable to locate package"):
        await docker.build({"apt": ("lra-no-such-package",)})


async def test_npm_without_a_registry_is_an_honest_failure(docker: DockerProvider) -> None:
    with pytest.raises(InvalidError, match=r"because of (is-odd|nodejs, npm): \S"):
        await docker.build({"npm": ("is-odd",)})


async def test_images_of_packages_are_listed_and_pruned(
    docker: DockerProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"lraprobe{uuid.uuid4().hex[:8]}"
    wheel(tmp_path, name)
    docker._images = replace(docker._images, wheels=str(tmp_path), index=None)
    # Only what this test builds is to be pruned.
    monkeypatch.setattr("sandbox.providers.docker.image.LABEL", "lra.sandbox.test")
    monkeypatch.setattr("sandbox.providers.docker.image.STAGE", "lra.sandbox.test.stage")
    monkeypatch.setattr("sandbox.providers.docker.provider.ensure_kernel", lambda *_: KERNEL)
    image = await docker.build({"pip": (f"{name}==1.0",)})
    assert ":packages-" in image
    found = {each["image"]: each for each in await docker.cached()}
    assert found[image]["packages"] == {"pip": [f"{name}==1.0"]}
    assert found[image]["size"] > 1_000_000
    code, said = await lra("images")
    assert code == 0
    assert any(line.split()[:2] == [image, f"{name}==1.0"] for line in said.splitlines())
    manager = Manager(docker)
    try:
        box = await Running.create(manager, packages={"pip": [f"{name}==1.0"]})
        assert (await box.ok(f"import {name}; {name}.ANSWER")).result == "42"
        # One that is in use stays.
        assert image not in await docker.prune()
    finally:
        await manager.close()
    for _ in range(50):
        if image in await docker.prune():
            break
        await asyncio.sleep(0.1)
    assert image not in {each["image"] for each in await docker.cached()}


@pytest.fixture
async def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Manager]:
    provider = LocalProvider()
    if reason := await provider.check():
        pytest.skip(reason)
    monkeypatch.setenv("SANDBOX_WHEELS", str(tmp_path))
    monkeypatch.delenv("SANDBOX_PIP_INDEX", raising=False)
    # Settings of this machine's pip would add places of their own.
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    manager = Manager(provider)
    yield manager
    await manager.close()


async def test_the_local_provider_puts_them_into_the_sandboxs_own_folder(local: Manager, tmp_path: Path) -> None:
    wheel(tmp_path, "lraprobe")
    box = await Running.create(local, packages={"pip": ["lraprobe"]})
    assert (await box.ok("import lraprobe; lraprobe.ANSWER, lraprobe.__file__")).result == (
        "(42, '/workspace/.packages/lraprobe.py')"
    )
    assert (await box.shell("python3 -c 'import lraprobe; print(lraprobe.ANSWER)'")).out == "42\n"
    other = await Running.create(local)
    assert (await other.run("import lraprobe")).done["name"] == "ModuleNotFoundError"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"pip": ["lra-no-such-package"]}, "lra-no-such-package"),
    ({"npm": ["is-odd"]}, "need the docker provider"),
    ({"apt": ["jq"]}, "need the docker provider"),
    ({"pip": ["-r /etc/passwd"]}, "is not the name"),
]


@pytest.mark.parametrize(("packages", "why"), WRONG)
async def test_without_its_packages_there_is_no_sandbox(local: Manager, packages: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        await local.create(packages=packages)
    assert await local.list_sandboxes() == []


async def test_a_runtime_that_the_engine_lacks_is_said() -> None:
    if reason := await DockerProvider().check():
        pytest.skip(reason)
    said = await DockerProvider(runtime="lra-no-such-runtime").check()
    assert said is not None
    assert "no runtime 'lra-no-such-runtime'" in said
    assert "SANDBOX_RUNTIME" in said
