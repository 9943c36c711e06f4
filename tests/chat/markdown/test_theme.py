"""Colours by role: readable, detected as Rich detects them, and there before anything heavy."""

from __future__ import annotations

import re
import subprocess
import sys
from io import StringIO
from itertools import product
from typing import get_args

import pytest
from rich.color import Color
from rich.console import Console

from lra.chat.theme import THEMES, Depth, Role, Theme, ThemeName, choose, detect_depth, has_hyperlinks
from tests.support.terminal import ROOT

ROLES: tuple[str, ...] = get_args(Role)
DEPTHS: tuple[Depth, ...] = get_args(Depth)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
# What the usual terminals make of red, green and magenta: the PC's, xterm's, and Tango's.
PALETTES = [
    {31: (170, 0, 0), 32: (0, 170, 0), 35: (170, 0, 170)},
    {31: (205, 0, 0), 32: (0, 205, 0), 35: (205, 0, 205)},
    {31: (204, 0, 0), 32: (78, 154, 6), 35: (117, 80, 123)},
]
TERMS = ["", "xterm", "xterm-256color", "tmux", "xterm-kitty", "linux", "dumb", "unknown", "xterm-16color"]


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    def luminance(colour: tuple[int, ...]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("name", "background"), [("dark", BLACK), ("dark", (40, 44, 52)), ("light", WHITE)])
@pytest.mark.parametrize("role", ROLES)
def test_colours_are_readable(name: ThemeName, background: tuple[int, ...], role: str) -> None:
    if match := re.search(r"38;2;(\d+);(\d+);(\d+)", Theme(name, 24).code(role)):
        assert contrast(tuple(map(int, match.groups())), background) >= 4
    if match := re.search(r"38;5;(\d+)", Theme(name, 8).code(role)):
        assert contrast(tuple(Color.from_ansi(int(match[1])).get_truecolor()), background) >= 3.5


@pytest.mark.parametrize(("name", "role"), list(product(("dark", "light"), ROLES)))
def test_sixteen_colours_are_readable_on_both_backgrounds(name: ThemeName, role: str) -> None:
    for number in re.findall(r"\d+", Theme(name, 4).code(role)):
        if int(number) >= 30:
            for palette, background in product(PALETTES, (BLACK, WHITE)):
                assert contrast(palette[int(number)], background) >= 2


def test_high_contrast_is_the_terminals_own_colour() -> None:
    for role, depth in product(ROLES, DEPTHS):
        assert not set(Theme("high-contrast", depth).code(role).split(";")) - {"", "1", "3", "4", "7", "9"}


def test_added_and_removed_error_and_good_differ_everywhere() -> None:
    for name, depth in product(("dark", "light", "high-contrast"), (4, 8, 24)):
        theme = Theme(name, depth)  # type: ignore[arg-type]
        for one, other in [("added", "removed"), ("added", "added-word"), ("removed", "removed-word")]:
            assert theme.code(one) != theme.code(other)
        assert theme.code("error") != theme.code("good") or name == "high-contrast"
        assert all(theme.code(role) for role in ("error", "warning", "heading", "link", "strong"))


def test_plain_has_nothing() -> None:
    for theme in (Theme("plain", 24), Theme("dark", 0)):
        assert theme.plain
        assert all(theme.code(role) == "" for role in ROLES)
        assert theme.paint("a\nb", "error") == "a\nb"


def test_paint_ends_on_each_line() -> None:
    assert Theme("dark", 4).paint("a\n\nb", "error") == "\x1b[1;31ma\x1b[0m\n\n\x1b[1;31mb\x1b[0m"
    assert Theme("dark", 24).code("nonsense") == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is asked otherwise")
@pytest.mark.parametrize("colorterm", ["", "truecolor", "24bit", " TrueColor ", "yes"])
@pytest.mark.parametrize("term", TERMS)
def test_depth_is_what_rich_finds(term: str, colorterm: str) -> None:
    environ = {"TERM": term, "COLORTERM": colorterm}
    system = Console(file=StringIO(), force_terminal=True, _environ=environ).color_system
    depths: dict[str | None, Depth] = {None: 0, "standard": 4, "256": 8, "truecolor": 24}
    assert detect_depth(environ) == depths[system]
    assert detect_depth({**environ, "NO_COLOR": "1"}) == 0


def test_a_theme_is_chosen_by_name_or_by_the_terminal() -> None:
    environ = {"TERM": "xterm-256color"}
    assert [choose(name, environ) for name in THEMES] == [Theme(name, 8) for name in THEMES]
    assert choose("mauve", environ) == Theme("dark", 8)
    assert choose(None, {**environ, "COLORFGBG": "0;15"}) == Theme("light", 8)
    assert choose(None, {**environ, "COLORFGBG": "15;default;0"}) == Theme("dark", 8)
    assert choose(None, {"TERM": "dumb"}).plain


def test_links_are_spelled_out_where_terminals_drop_them() -> None:
    assert has_hyperlinks({"TERM": "xterm-256color"})
    assert has_hyperlinks({"TERM": "screen-256color", "TMUX": "/tmp/tmux"})
    assert not has_hyperlinks({"TERM": "screen"})
    assert not has_hyperlinks({"TERM": "linux"})
    assert not has_hyperlinks({"TERM": "xterm-256color", "XTERM_VERSION": "XTerm(390)"})
    tmux = {"TERM": "tmux-256color", "TMUX": "/tmp/tmux", "TERM_PROGRAM": "tmux"}
    assert not has_hyperlinks({**tmux, "TERM_PROGRAM_VERSION": "3.3a"})
    assert has_hyperlinks({**tmux, "TERM_PROGRAM_VERSION": "3.4"})
    assert not has_hyperlinks({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"})


def test_themes_are_there_before_anything_heavy() -> None:
    code = "import sys, os; from lra.chat.theme import choose; choose(None, os.environ); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"rich", "pygments", "markdown_it", "prompt_toolkit", "asyncio"} & set(out.split())
