"""The local provider does all that it promises or starts nothing: every single step is made to fail here."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from sandbox.errors import UnavailableError
from sandbox.providers.base import Spec
from sandbox.providers.local import LocalProvider, filters, kernel_calls, provider

LOCAL = Path(provider.__file__).parent

# The program that builds the room, with one call of it failing as on a system that lacks it.
BROKEN = """
import runpy, sys
sys.path.insert(0, {folder!r})
import {module}
def fail(*arguments, **more):
    raise OSError(38, "Function not implemented")
setattr({module}, {name!r}, fail)
runpy.run_path({jail!r}, run_name="__main__")
"""
STEPS = [
    ("kernel_calls", "unshare"),
    ("kernel_calls", "mount"),
    ("kernel_calls", "restrict_mount"),
    ("kernel_calls", "pivot_into"),
    ("kernel_calls", "become"),
    ("kernel_calls", "confine_files"),
    ("kernel_calls", "filter_calls"),
    ("filters", "program"),
    ("resource", "setrlimit"),
    ("socket", "sethostname"),
]


@pytest.fixture(autouse=True)
async def works_otherwise() -> None:
    if reason := await LocalProvider().check():
        pytest.skip(reason)


@pytest.mark.parametrize(("module", "name"), STEPS, ids=[name for _, name in STEPS])
async def test_without_one_step_nothing_starts(
    module: str, name: str, tmp_path: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jail = tmp_path / "jail.py"
    jail.write_text(BROKEN.format(folder=str(LOCAL), module=module, name=name, jail=str(LOCAL / "jail.py")))
    monkeypatch.setattr(provider, "_JAIL", jail)
    local = LocalProvider()
    reason = await local.check()
    assert reason is not None
    assert "No sandbox can be built on this system" in reason
    with pytest.raises(UnavailableError):
        await local.start(Spec())
    # And nothing of the attempt is left.
    assert list((run_folder / "local").iterdir()) == []


async def test_a_system_without_landlock_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_calls, "landlock_version", lambda: 0)
    reason = await LocalProvider().check()
    assert reason is not None
    assert "Landlock" in reason
    with pytest.raises(UnavailableError):
        await LocalProvider().start(Spec())


async def test_a_machine_whose_calls_are_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_calls, "MACHINE", "riscv64")
    assert not filters.supported("riscv64")
    assert "riscv64" in str(await LocalProvider().check())


async def test_a_system_that_allows_no_namespaces_is_refused(run_folder: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    code = (
        "import asyncio\n"
        "from sandbox.providers.local import LocalProvider\n"
        "print(asyncio.run(LocalProvider().check()))\n"
    )
    inner = f"echo 0 > /proc/sys/user/max_user_namespaces && exec {sys.executable} -c '{code}'"
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--user", "--map-root-user", "sh", "-c", inner),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A folder in which nothing says yet that it has worked.
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "LRA_SANDBOX_RUN": f"{run_folder}/x"},
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        pytest.skip(err.decode()[-200:])
    assert "No sandbox can be built on this system" in out.decode()
