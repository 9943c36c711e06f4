"""A disk that has no room left, and one that takes nothing: real ones, mounted for the test alone."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

import pytest

from .conftest import Cli

UNSHARE = ["unshare", "--mount", "--user", "--map-root-user"]


def _mounts() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*UNSHARE, "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not _mounts(), reason="file systems cannot be mounted here")


def _on_small_disk(cli: Cli, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script with `lra`, in a mount namespace of its own, with a disk of 1 MB at $DISK as its home."""
    disk = cli.root / "disk"
    disk.mkdir()
    prologue = f"""
set -u
DISK={shlex.quote(str(disk))}
mount -t tmpfs -o size=1m tmpfs "$DISK" || exit 99
lra() {{ {shlex.quote(sys.executable)} -m lra "$@"; echo "rc=$?"; }}
"""
    environment = cli.environment() | {"LRA_HOME": str(disk / "lra"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(
        [*UNSHARE, "sh", "-c", prologue + script],
        env=environment,
        cwd=cli.folder,
        capture_output=True,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@needs_mounts
@pytest.mark.parametrize(
    "command",
    ["memory list", "tasks add x", "chat -p hello", "memory backup -y", "memory backup elsewhere -y", "sessions list"],
)
def test_a_full_disk_is_called_full_and_how_much_is_free(cli: Cli, command: str) -> None:
    done = _on_small_disk(cli, f"lra memory add one\ndd if=/dev/zero of=$DISK/fill bs=4k 2>/dev/null\nlra {command}\n")
    assert done.stdout.endswith("rc=0\nrc=1\n"), done.stderr
    (told,) = done.stderr.splitlines()
    assert told.startswith(f"lra: The disk that holds {cli.root / 'disk' / 'lra'} is full: ")
    assert " free. " in told
    assert "set LRA_HOME" in told


@needs_mounts
def test_a_file_that_does_not_fit_says_where_there_is_no_room(cli: Cli) -> None:
    script = "export LRA_HOME=$HOME/lra\nlra memory add one\ndd if=/dev/zero of=$DISK/fill bs=4k 2>/dev/null\n"
    done = _on_small_disk(cli, script + "lra memory export -o $DISK/out.jsonl\nlra memory backup $DISK/b\nls $DISK\n")
    assert done.stdout.endswith("rc=0\nrc=1\nrc=1\nfill\n"), done.stdout + done.stderr
    first, second = done.stderr.splitlines()
    for told in (first, second):
        assert told.startswith(f"lra: The disk that holds {cli.root / 'disk'} is full: 0 B free. ")
    assert "Nothing was written" in first
    assert "No backup was made" in second


@needs_mounts
def test_doctor_says_that_the_disk_is_full_and_how_much_is_free_where_it_is_not(cli: Cli) -> None:
    done = _on_small_disk(cli, "lra doctor\ndd if=/dev/zero of=$DISK/fill bs=4k 2>/dev/null\nlra doctor\n")
    before, after = done.stdout.split("rc=0\n")
    home = cli.root / "disk" / "lra"
    assert "is nearly full, 1.0 MB free" in before
    assert f"fail  folders    The disk that holds {home.parent} is full: 0 B free." in after
    assert "set LRA_HOME to a folder on another disk" in after
    assert after.endswith("rc=1\n")
    (folders,) = [check for check in cli("doctor", "--json").json["checks"] if check["name"] == "folders"]
    assert folders["status"] != "fail"


@needs_mounts
def test_a_read_only_folder_is_named(cli: Cli) -> None:
    done = _on_small_disk(cli, "lra memory add one\nmount -o remount,ro $DISK\nlra memory list\n")
    assert done.stdout.endswith("rc=0\nrc=1\n")
    folder = cli.root / "disk" / "lra"
    assert f"cannot be opened: the folder {folder} is read-only. Make the file and its folder writable" in done.stderr


@needs_mounts
def test_half_an_agent_and_half_a_shell_are_not_left_behind(cli: Cli) -> None:
    fill = "export LRA_HOME=$HOME/lra; echo mine >$DISK/.bashrc; dd if=/dev/zero of=$DISK/fill bs=4k 2>/dev/null\n"
    script = "cd $DISK; lra create-agent mine; ls -A; HOME=$DISK lra --install-completion; cat .bashrc; ls -A\n"
    done = _on_small_disk(cli, fill + script)
    assert done.stdout == "rc=1\n.bashrc\nfill\nrc=1\nmine\n.bashrc\nfill\n", done.stderr
    agent, shell = done.stderr.splitlines()
    assert "is full: 0 B free. Nothing was written" in agent
    assert "is full: 0 B free. Your shell's files were left as they are" in shell


@needs_mounts
def test_a_home_that_takes_nothing_is_no_defect(cli: Cli) -> None:
    # Which shell it is, the program sees from who started it.
    command = f"{shlex.quote(sys.executable)} -m lra --install-completion; echo rc=$?"
    done = _on_small_disk(cli, f"mount -o remount,ro $DISK\nHOME=$DISK bash -c {shlex.quote(command)}\n")
    assert done.stdout == "rc=1\n"
    assert "cannot be written: Read-only file system. `lra --show-completion` prints" in done.stderr
    assert "defect" not in done.stderr


@needs_mounts
def test_the_disk_that_sqlite_sorts_on_is_named_when_that_one_is_full(cli: Cli) -> None:
    code = """
import os, sqlite3
from pathlib import Path
from lra.store.failures import explain
print(explain(sqlite3.OperationalError("database or disk is full"), Path(os.environ["HOME"], "agent_memory.db")))
"""
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    script = f"dd if=/dev/zero of=$DISK/fill bs=4k 2>/dev/null\nTMPDIR=$DISK {command}\nrm $DISK/fill\n{command}\n"
    done = _on_small_disk(cli, script)
    beside, own = done.stdout.splitlines()
    assert beside.startswith(f"The disk that holds {cli.root / 'disk'} is full: 0 B free. ")
    assert beside.endswith("or set TMPDIR to a folder on another disk.")
    assert own.startswith(f"The disk that holds {cli.root / 'home'} is too full for this: ")
