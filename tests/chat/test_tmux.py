"""A smoke test in tmux, which wraps its lines anew when a window gets narrower."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.model_server import ModelServer, say
from tests.support.terminal import lra, plain_env

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """One window of a server of this test's own."""

    def __init__(self, socket: Path, env: dict[str, str], cwd: Path) -> None:
        self._socket = socket
        command = f"{shlex.join(lra('chat'))}; echo ended $?; sleep 30"
        self._run("-f", "/dev/null", "new-session", "-d", "-x", "90", "-y", "24", command, env=env, cwd=cwd)

    def _run(self, *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            env=env,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def text(self) -> str:
        """Scrollback and screen, lines that were wrapped joined."""
        return self._run("capture-pane", "-p", "-J", "-S", "-")

    def wait(self, what: str | Callable[[str], bool]) -> None:
        until = time.monotonic() + 20
        while not (what in self.text if isinstance(what, str) else what(self.text)):
            assert time.monotonic() < until, f"{what!r} did not appear:\n{self.text}"
            time.sleep(0.05)

    def still(self) -> None:
        """Wait until something has changed, and then for a moment nothing."""
        before = now = self.text
        until = time.monotonic() + 20
        while now == before or now != self.text:
            assert time.monotonic() < until, f"nothing changes, or all the time:\n{now}"
            now = self.text
            time.sleep(0.1)

    def close(self) -> None:
        self._run("kill-server")


@pytest.fixture
def tmux(home: Path, model_env: dict[str, str], tmp_path: Path) -> Iterator[Tmux]:
    # A socket's path has to be short.
    window = Tmux(tmp_path / "t", plain_env(home, **model_env), home)
    yield window
    window.close()


def test_an_answer_a_draft_and_two_sizes(tmux: Tmux, model_server: ModelServer) -> None:
    paragraphs = [f"Paragraph {number} is here to be read by somebody." for number in range(10)]
    model_server.script(say("\n\n".join(paragraphs), chunk_delay=0.03), say("Fine."))
    tmux.wait("openai-chat:")
    tmux.keys("go", "Enter")
    tmux.wait("Paragraph 1 ")
    tmux.keys("a draft that is long enough to be wrapped when the window is only forty columns wide")
    tmux.wait("forty columns wide")
    for columns, rows in ((40, 24), (40, 12), (90, 30)):
        tmux.resize(columns, rows)
        time.sleep(0.3)
    tmux.wait("Paragraph 9 is here to be read by somebody.")
    tmux.wait(lambda text: "thinking" not in text)
    text = tmux.text
    assert text.count("forty columns wide") == 1
    for number in range(10):
        assert text.count(f"Paragraph {number} ") == 1, text
    tmux.keys("Enter")
    tmux.wait("Fine.")
    tmux.keys("C-d")
    tmux.wait("ended 0")
    assert "openai-chat:" not in tmux.text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("हिन्दीcd", "हिन्दीcd"),
        ("தமிழ் ok", "தமிழ் ok"),
        ("ab🇩🇪cd", "abDEcd"),
        ("one 👨\u200d👩\u200d👧 two", "one 👨👩👧 two"),
        ("日本 e\u0301 שלום", "日本 e\u0301 שלום"),
    ],
)
def test_the_cursor_of_every_script_is_where_it_is_drawn(tmux: Tmux, typed: str, shown: str) -> None:
    tmux.wait("openai-chat:")
    tmux.keys(typed)
    tmux.wait(f"> {shown}")
    tmux.keys("Home", "H")
    tmux.wait(f"\n> H{shown}\n")
    tmux.keys("End", "E", "C-a", "Delete", "J")
    tmux.wait(f"\n> J{shown}E\n")
    tmux.keys("C-c")
    tmux.wait(lambda text: any(line.rstrip() == ">" for line in text.splitlines()))


def test_an_answer_of_every_kind_while_both_sides_of_the_window_move(tmux: Tmux, model_server: ModelServer) -> None:
    parts = 5
    # In few pieces, with time between them: what is drawn in the instant of a change may stay.
    model_server.script(say("\n\n".join(part(number) for number in range(parts)), chunks=16, chunk_delay=0.9))
    tmux.wait("openai-chat:")
    tmux.keys("go", "Enter")
    tmux.wait("Part 0")
    for columns, rows in ((40, 10), (200, 50), (60, 14), (120, 24), (90, 30)):
        tmux.still()
        tmux.resize(columns, rows)
        # tmux tells of a second change within a quarter of a second late.
        time.sleep(0.4)
    tmux.wait(f"quoted {parts - 1}")
    tmux.wait(lambda text: "Esc stops" not in text)
    text = tmux.text
    for number in range(parts):
        for what in (f"Part {number}", f"def part_{number}()", f"return {number}", f"quoted {number}"):
            assert text.count(what) == 1, (what, text)
    assert text.count("openai-chat:") == 1


def test_what_is_erased_from_the_upper_corner_does_not_go_into_the_scrollback(
    tmux: Tmux, model_server: ModelServer
) -> None:
    filling = "\n\n".join(f"Line {number}." for number in range(20))
    long = " ".join(f"word{number} of one paragraph that is written slowly" for number in range(12))
    model_server.script(say(filling), say(long + ".\n\nThe end.", chunks=90, chunk_delay=0.04))
    tmux.wait("openai-chat:")
    tmux.keys("fill", "Enter")
    tmux.wait("Line 19.")
    tmux.wait(lambda text: "Esc stops" not in text)
    tmux.keys("go", "Enter")
    tmux.wait("word6 of")
    # What stands takes more rows than the window has left.
    tmux.resize(40, 10)
    tmux.wait("The end.")
    tmux.wait(lambda text: "Esc s" not in text.rpartition("The end.")[2])
    text = tmux.text
    assert "Enter queues" not in text
    assert text.count("openai-chat:") == 1
    # What the window had no room for has left it, out of reach.
    assert [text.split().count(f"word{number}") for number in range(7, 12)] == [1] * 5, text


def test_joined_emoji_in_what_is_streamed_cost_no_line(tmux: Tmux, model_server: ModelServer) -> None:
    # Rows that hold one, as wide as the window, with a wide character at the edge.
    wide = "エンジニアとして東京で働いています" * 9
    parts = [f"Line {number} stays.\n\n私は👩\u200d💻{'A' * number}{wide}" for number in range(6)]
    model_server.script(say("\n\n".join(parts) + "\n\nThe end.", chunks=240, chunk_delay=0.02))
    tmux.wait("openai-chat:")
    tmux.keys("go", "Enter")
    tmux.wait("The end.")
    tmux.wait(lambda text: "Esc stops" not in text)
    text = tmux.text
    assert [f"Line {number} stays." in text for number in range(6)] == [True] * 6
    assert text.count("👩\u200d💻") == 6


def part(number: int) -> str:
    return (
        f"## Part {number}\n\nSome words of *prose* that fill a line or two of the window, and then some more.\n\n"
        f"- an item with a text that wraps somewhere\n  - nested\n\n"
        f"```python\ndef part_{number}():\n    return {number}\n```\n\n> quoted {number}"
    )
