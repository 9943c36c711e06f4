"""Providers of other packages are found by their entry points, after the built-in ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandbox.errors import InvalidError, UnavailableError
from sandbox.likely import why_not
from sandbox.manager import Manager
from sandbox.providers import registry
from sandbox.providers.local import LocalProvider
from tests.sandbox.running import Running

MODULE = """
from sandbox.providers.local import LocalProvider

class Tiny(LocalProvider):
    name = "tiny"

def broken():
    raise RuntimeError("no licence")
"""


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as pip leaves it in site-packages."""
    (tmp_path / "tiny_sandbox.py").write_text(MODULE)
    info = tmp_path / "tiny_sandbox-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-sandbox\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sandbox.providers]\ntiny = tiny_sandbox:Tiny\nwreck = tiny_sandbox:broken\ndocker = tiny_sandbox:broken\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tiny_sandbox", raising=False)


@pytest.mark.usefixtures("other_package")
async def test_another_packages_provider_is_used_by_name_and_by_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.installed() == ["tiny", "wreck"]
    assert registry.load("tiny").name == "tiny"
    monkeypatch.setattr(registry, "names", list)
    if await LocalProvider().check() is not None:
        pytest.skip("the provider that it builds upon works nowhere here")
    assert (await registry.choose("auto")).name == "tiny"
    manager = Manager("tiny")
    try:
        box = await Running.create(manager)
        assert (await box.ok("6 * 7")).result == "42"
        assert (await manager.health())["provider"] == "tiny"
    finally:
        await manager.close()


@pytest.mark.usefixtures("other_package")
async def test_one_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidError, match=r"'wreck' \(tiny_sandbox:broken\) cannot be loaded: no licence"):
        await registry.choose("wreck")
    monkeypatch.setattr(registry, "names", list)
    monkeypatch.setattr(registry, "installed", lambda: ["wreck"])
    with pytest.raises(UnavailableError, match=r"wreck: .*no licence"):
        await registry.choose("auto")


@pytest.mark.usefixtures("other_package")
def test_a_built_in_name_stays_the_built_in_one() -> None:
    assert type(registry.load("docker")).__module__ == "sandbox.providers.docker.provider"


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(InvalidError, match="choose auto, docker, local"):
        registry.load("nowhere")


def test_signs_of_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("sandbox.likely.DOCKER_SOCKET", "/nonexistent")
    monkeypatch.setattr("sandbox.likely.local_lacks", lambda: None)
    assert why_not() is None
    monkeypatch.setattr("sandbox.likely.local_lacks", lambda: "this kernel has no Landlock")
    said = why_not()
    assert said is not None
    assert "no Landlock" in said
    assert "Start Docker" in said
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2376")
    assert why_not() is None
