"""The compose file gives the service what it needs, and nobody else anything."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def service() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert list(found) == ["sandbox"]
    return dict(found["sandbox"])


def test_it_listens_on_this_machine_and_wants_a_key(service: dict[str, Any]) -> None:
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    # Compose ends with the words behind `:?` where the variable is not set.
    assert service["environment"]["SANDBOX_API_KEY"].startswith("${SANDBOX_API_KEY:?set SANDBOX_API_KEY")


def test_the_engines_socket_is_all_it_gets_of_this_machine(service: dict[str, Any]) -> None:
    assert service["volumes"] == ["/var/run/docker.sock:/var/run/docker.sock"]
    assert not {"privileged", "network_mode", "pid", "ipc", "devices", "cap_add", "uts"} & service.keys()
    assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)


def test_its_image_is_built_of_what_there_is(service: dict[str, Any]) -> None:
    text = (ROOT / service["build"]["dockerfile"]).read_text()
    assert set(re.findall(r"^ARG (\w+)", text, re.MULTILINE)) == service["build"]["args"].keys()
    wanted = [line.split()[1] for line in text.splitlines() if line.startswith("COPY")]
    given = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in wanted:
        assert (ROOT / name).exists()
        assert any(fnmatch(name, each) for each in given)
    settings = set((ROOT / "sandbox" / "server.py").read_text().split('"'))
    settings |= set((ROOT / "sandbox" / "providers" / "docker" / "provider.py").read_text().split('"'))
    settings |= {"SANDBOX_BASE_IMAGE", "SANDBOX_PIP_INDEX", "SANDBOX_BUILD_NETWORK"}
    assert service["environment"].keys() <= settings
