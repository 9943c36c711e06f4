"""Working on a folder without a terminal: the answer goes to standard output, what changed to standard error."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.terminal import lra, plain_env


def test_the_answer_stands_alone(home: Path, local_env: dict[str, str]) -> None:
    project = home / "work" / "project"
    project.mkdir()
    (project / "a.txt").write_text("one\nsame\n")
    done = subprocess.run(
        lra("chat", "-p", "run: `print(open('a.txt', 'w').write('two\\nsame\\n') + 2)`", "--workspace", str(project)),
        env=plain_env(home, **local_env, LRA_MODEL="offline", LRA_APPROVAL="auto"),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
    assert done.stdout == "It printed:\n```\n11\n```\n"
    told = ("1 file changed in the sandbox's copy of", "1 - one\n1 + two\n", "Wrote 1 of 1 changed files to")
    places = [done.stderr.index(text) for text in told]
    assert places == sorted(places)
    assert (project / "a.txt").read_text() == "two\nsame\n"
