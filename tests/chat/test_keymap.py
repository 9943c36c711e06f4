"""What `/keys` tells is what the prompt obeys."""

from __future__ import annotations

from prompt_toolkit.key_binding.defaults import load_key_bindings
from prompt_toolkit.keys import ALL_KEYS, KEY_ALIASES, Keys

from lra.chat import keymap
from lra.chat.keymap import KEYMAP, Key
from lra.chat.keys import answer_keys, draft_keys, queue_keys, stopping_keys, terminal_keys
from lra.chat.pastes import Pastes

EDITING = {(Keys.BracketedPaste.value,), ("c-h",), ("c", "w")}
"""What is the terminal's own, and needs no telling."""


class Nothing:
    running = undoable = waiting = editing = True

    def enter(self, text: str, shown: str) -> None: ...
    def steer(self, text: str, shown: str) -> None: ...
    def stop(self) -> bool:
        return False

    def hint(self) -> None: ...
    def leave(self) -> None: ...
    def take_back(self) -> str | None:
        return None

    def step(self, text: str, shown: str, by: int) -> str | None:
        return None

    def let_go(self) -> None: ...
    def edit(self) -> None: ...

    def undo(self) -> None: ...
    def rewind(self) -> None: ...


def bound() -> set[tuple[str, ...]]:
    pastes = Pastes()
    every = [
        draft_keys(Nothing(), pastes, lambda: False),
        queue_keys(Nothing(), pastes),
        terminal_keys(lambda: None, lambda: None, lambda: None),
        stopping_keys(Nothing(), pastes),
        answer_keys(lambda _answer: None),
    ]
    return {tuple(str(getattr(key, "value", key)) for key in one.keys) for keys in every for one in keys.bindings}


def told(keys: tuple[Key, ...]) -> set[tuple[str, ...]]:
    return {tuple(KEY_ALIASES.get(name, name) for name in names) for key in keys for names in key.pressed}


def test_every_key_that_is_bound_is_told() -> None:
    assert bound() - EDITING <= told(KEYMAP)


def test_every_key_that_is_told_does_something() -> None:
    theirs = {tuple(str(getattr(key, "value", key)) for key in one.keys) for one in load_key_bindings().bindings}
    assert told(KEYMAP) <= bound() | theirs
    assert all(name in ALL_KEYS or len(name) == 1 for names in told(KEYMAP) for name in names)


def test_all_of_them_are_in_the_list_once() -> None:
    declared = [value for value in vars(keymap).values() if isinstance(value, Key)]
    assert sorted(key.shown for key in declared) == sorted(key.shown for key in KEYMAP)
