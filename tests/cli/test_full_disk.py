"""A disk that has no room left, and one that takes nothing: real ones, mounted for the test alone."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

import pytest

from lra.store.room import size

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
        assert told.startswith(f"lra: The disk that holds {cli.root / 'disk'} is full: 0 bytes free. ")
    assert "Nothing was written" in first
    assert "No backup was made" in second


@needs_mounts
def test_doctor_says_that_the_disk_is_full_and_how_much_is_free_where_it_is_not(cli: Cli) -> None:
    done = _on_small_disk(cli, "lra doctor\ndd if=/dev/zero of=$DISK/fill bs=4k 2>/dev/null\nlra doctor\n")
    before, after = done.stdout.split("rc=0\n")
    home = cli.root / "disk" / "lra"
    assert "is nearly full, 1.0 MB free" in before
    assert f"fail  folders    The disk that holds {home.parent} is full: 0 bytes free." in after
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


def test_sizes_are_rounded_down() -> None:
    assert [size(number) for number in (0, 999, 1000, 1_049_999, 99_999_999, 5_250_000_000, 2_000_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.0 MB",
        "99 MB",
        "5.2 GB",
        "2,000 GB",
    ]
