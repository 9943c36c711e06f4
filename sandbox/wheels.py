"""Python packages for a sandbox that is already there: fetched outside as wheels, which is reading, unpacked inside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from sandbox.errors import InvalidError, LimitError, SandboxError, UnavailableError
from sandbox.guest.protocol import CHUNK
from sandbox.instance import Sandbox
from sandbox.packages import checked

FOLDER = ".packages"
"""Where they are in the workspace; kernels and Python programs look there last."""
_MOST = 50
_SECONDS = 300.0


def check_names(packages: object) -> list[str]:
    """Return the names of Python packages that may be added.

    Args:
        packages: Names by package manager.

    Raises:
        InvalidError: One of them is none, or belongs to another package manager.
    """
    if not isinstance(packages, dict) or not all(isinstance(names, list | tuple) for names in packages.values()):
        raise InvalidError("packages are lists of names by package manager.")
    others = sorted(str(each)[:40] for each in packages if each != "pip")
    if others:
        raise InvalidError(
            f"Only Python packages can be added to a sandbox that is there, not those of {', '.join(others)}:"
            " name them when it is made."
        )
    names = list(packages.get("pip", ()))
    if not names:
        raise InvalidError('Which packages? {"pip": ["NAME"]}')
    if len(names) > _MOST:
        raise LimitError(f"{len(names)} packages are more than the {_MOST} that can be added at once.")
    return checked({"pip": tuple(map(str, names))})["pip"]


@contextlib.asynccontextmanager
async def fetched(names: Sequence[str], python: str, machine: str) -> AsyncIterator[list[Path]]:
    """Have the wheels of some packages and of what they need, for as long as the context lasts.

    Nothing of a package runs here: what is not there as a wheel is refused.

    Args:
        names: Packages, as `check_names` returned them.
        python: Version of the Python they are for.
        machine: Kind of processor they are for.

    Raises:
        InvalidError: A package is not there, or not as a wheel.
        UnavailableError: This Python has no pip.
    """
    holder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="lra-wheels-")
    folder = holder.name
    try:
        process = await asyncio.create_subprocess_exec(
            *_command(names, python, machine, folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=folder,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                said, _ = await process.communicate()
        except TimeoutError:
            raise UnavailableError(
                f"The packages {', '.join(names)} could not be fetched in {_SECONDS:.0f} s."
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            if lines and "No module named pip" in lines[-1]:
                raise UnavailableError("The Python of the sandbox service has no pip, so no packages can be added.")
            why = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
            raise InvalidError(
                f"The packages {', '.join(names)} cannot be installed: {why.removeprefix('ERROR: ')[:500]}"
            )
        yield await asyncio.to_thread(lambda: sorted(Path(folder).glob("*.whl")))
    finally:
        await asyncio.to_thread(holder.cleanup)


def _command(names: Sequence[str], python: str, machine: str, folder: str) -> list[str]:
    short = "".join(python.split(".")[:2])
    tags = [f"--platform={each}_{machine}" for each in ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "linux")]
    where = []
    wheels, index = os.environ.get("SANDBOX_WHEELS"), os.environ.get("SANDBOX_PIP_INDEX")
    if wheels:
        where.append(f"--find-links={wheels}")
    if index:
        where.append(f"--index-url={index}")
    elif wheels:
        where.append("--no-index")
    if certificates := os.environ.get("SANDBOX_CERTIFICATES"):
        where.append(f"--cert={certificates}")
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--only-binary=:all:", f"--dest={folder}", f"--python-version={python}", "--implementation=cp"),
        *(f"--abi=cp{short}", "--abi=abi3", "--abi=none", *tags, *where, "--", *names),
    ]


async def install(sandbox: Sandbox, packages: object) -> list[str]:
    """Add Python packages to a sandbox; return the files that were unpacked.

    Args:
        sandbox: Whose.
        packages: Names by package manager, which can only be pip.

    Raises:
        SandboxError: A name is wrong, or a package cannot be had.
    """
    names = check_names(packages)
    async with fetched(names, str(sandbox.hello["python"]), str(sandbox.hello["machine"])) as wheels:
        at = f"{FOLDER}/.wheels"
        for wheel in wheels:
            await sandbox.write(f"{at}/{wheel.name}", _read(wheel))
        try:
            unpacking = f"{_python(sandbox)} -m pip install --no-index --no-deps --no-input --disable-pip-version-check"
            said, ok = await _said(sandbox, f"{unpacking} -q --upgrade --target {FOLDER} {at}/*.whl")
        finally:
            await sandbox.ask("remove", path=at, recursive=True)
    if not ok:
        raise InvalidError(f"The packages {', '.join(names)} cannot be unpacked: {said.strip()[-500:]}")
    return [wheel.name for wheel in wheels]


async def installed(sandbox: Sandbox) -> list[dict[str, str]]:
    """Return name and version of the Python packages in a sandbox.

    Args:
        sandbox: Whose.
    """
    path = ".output/packages.json"
    code = (
        "import importlib.metadata as m, json, os, sys; sys.path.append(os.path.abspath(sys.argv[1]));"
        "print(json.dumps(sorted({(d.name, d.version) for d in m.distributions() if d.name})))"
    )
    # By way of a file: what a call prints may be cut.
    command = f"mkdir -p .output && {_python(sandbox)} -I -c {shlex.quote(code)} {FOLDER} > {path}"
    said, ok = await _said(sandbox, command)
    if not ok:
        raise SandboxError(f"The packages cannot be listed: {said.strip()[-500:]}")
    data = b"".join([piece async for piece in sandbox.read(path)])
    await sandbox.ask("remove", path=path)
    try:
        return [{"name": str(name), "version": str(version)} for name, version in json.loads(data)]
    except (ValueError, TypeError):
        raise SandboxError("The packages cannot be listed: something in the sandbox is in the way.") from None


async def _said(sandbox: Sandbox, command: str) -> tuple[str, bool]:
    said, ok = "", False
    async with contextlib.aclosing(sandbox.command(command, 120.0, "")) as events:
        async for event in events:
            said += str(event.get("text", ""))
            ok = event.get("status") == "ok"
    return said, ok


async def _read(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(open, path, "rb") as file:
        while piece := await asyncio.to_thread(file.read, CHUNK):
            yield piece


def _python(sandbox: Sandbox) -> str:
    return shlex.quote(str(sandbox.hello["executable"]))
