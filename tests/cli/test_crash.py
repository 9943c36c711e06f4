"""The report of a defect, wherever the program runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lra.cli.crash import report


def test_a_system_without_numbers_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRA_HOME", str(tmp_path / "home"))
    monkeypatch.delattr(os, "getuid")
    said = report(ValueError("broken"))
    assert said.startswith("This is a defect in lra: ValueError: broken. The details are in ")
    kept = next((tmp_path / "home" / "crash").iterdir())
    assert "ValueError: broken" in kept.read_text()
