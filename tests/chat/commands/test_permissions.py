"""`/permissions`: the rules, changed from the conversation."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from lra.config import config_dir


def chat(*lines: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "lra", "chat"],
        input="".join(f"{line}\n" for line in lines),
        env={**os.environ, "LRA_MODEL": "offline", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return (done.stdout + done.stderr).splitlines()


def test_rules_are_added_listed_and_taken_out() -> None:
    path = config_dir() / "permissions.toml"
    said = chat(
        "/permissions",
        "/permissions allow nope*",
        "/permissions remove 1",
        "/permissions allow web_fetch host=docs.python.org",
        '/permissions deny write_file "path=a b*"',
        "/permissions",
        "/permissions remove 1",
        "/permissions remove 9",
        "/permissions",
        "/permissions file",
    )
    text = "\n".join(said)
    assert "There are no rules: every tool does what it does by itself." in text
    assert f'Added to ~/{path.relative_to(Path.home())}: allow web_fetch when host="docs.python.org"' in text
    assert 'deny write_file when path="a b*"' in text
    assert "Taken out: allow web_fetch" in text
    assert text.count("! No tool here is called") == 1
    assert "! No tool here is called 'nope*'; /tools lists those there are." in said
    assert "There is no rule '9'." in text
    assert str(path) in said
    assert path.read_text().endswith('\n\n[[rule]]\ndeny = "write_file"\nwhen = { path = "a b*" }\n')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_cannot_be_understood_changes_nothing() -> None:
    said = "\n".join(
        chat(
            "/permissions nonsense",
            "/permissions allow",
            "/permissions allow web_fetch docs.python.org",
            "/permissions allow 'web",
            "/permissions edit",
        )
    )
    assert "/permissions does not know 'nonsense'." in said
    assert "'docs.python.org' is no ARG=PATTERN." in said
    assert "Put what has spaces in quotes." in said
    assert "An editor needs a terminal." in said
    assert not (config_dir() / "permissions.toml").exists()


def test_a_file_with_a_mistake_is_told_with_its_line_and_left_alone(home: Path) -> None:
    path = config_dir() / "permissions.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('[[rule]]\nallow = "a"\n\n[[rule]]\nforbid = "b"\n')
    said = "\n".join(chat("/permissions", "/permissions allow c"))
    told = f'{path}:4: a rule has no "forbid": only allow, ask or deny, when and why.'
    assert f"{told} Until it is mended, nothing is allowed without asking." in said
    assert f"Nothing was added: {path}:4" in said
    assert path.read_text().endswith('forbid = "b"\n')
