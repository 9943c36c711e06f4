"""Changing a text: in a line at the prompt's place, or in the person's own editor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lra.chat.aside import aside
from lra.chat.history import PromptHistory
from lra.chat.keymap import SUSPEND
from lra.errors import LraError, UsageError
from lra.text import clean_text

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.chat.prompt import Prompt

_PATIENCE = 2.0
"""Seconds an editor has to end when the program does."""
_EDITORS = ("sensible-editor", "nano", "vim", "vi", "notepad.exe")


async def edit_line(chat: Chat, question: str, text: str) -> str:
    """Let a text be changed where the prompt stands; empty when it was given up."""
    if chat.screen.plain or not chat.reader.interactive:
        return (await chat.ask(f"{question} (Enter keeps it): ")).strip()
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("escape", eager=True)
    @keys.add("c-c")
    @keys.add("c-d")
    def _give_up(event: KeyPressEvent) -> None:
        event.app.exit(result="")

    async with aside(chat) as streams:
        assert streams is not None, "a plain screen was dealt with"
        SUSPEND.on(keys, True)(lambda event: streams.suspend(event.app))
        line: PromptSession[str] = PromptSession(
            input=streams.input, output=streams.output, erase_when_done=True, enable_open_in_editor=True
        )
        line.app.ttimeoutlen, line.app.timeoutlen = 0.05, 0.1
        return (await line.prompt_async(f"{question}: ", default=text, key_bindings=keys, handle_sigint=False)).strip()


def editor_command() -> list[str]:
    """Return the person's editor and its arguments.

    Raises:
        UsageError: None is set and none is installed, or what is set cannot be read.
    """
    for name in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(os.environ.get(name, ""))
        except ValueError as error:
            raise UsageError(f"{name} cannot be read: {error}.", hint="Set it to the editor you use.") from None
        if words:
            return words
    for name in _EDITORS:
        if found := shutil.which(name):
            return [found]
    raise UsageError("There is no editor.", hint="Set VISUAL or EDITOR to the one you use.")


def _prompt(chat: Chat) -> Prompt:
    from lra.chat.prompt import Prompt

    assert isinstance(chat.reader, Prompt), "only a plain screen has another reader"
    return chat.reader


async def edit_draft(chat: Chat) -> None:
    """Open the editor on what stands in the prompt.

    Raises:
        LraError: See `edit_in_editor`.
    """
    prompt = _prompt(chat)
    prompt.typed = await edit_in_editor(chat, prompt.typed, keep=lambda text: setattr(prompt, "typed", text))


async def edit_in_editor(chat: Chat, text: str, *, keep: Callable[[str], None] | None = None) -> str:
    """Open the editor on a text and return what was saved.

    Args:
        chat: Whose terminal to use.
        text: What to begin with.
        keep: Given what was saved when the program ends meanwhile; by default it goes into the prompt's history.

    Raises:
        LraError: The editor could not be run, or ended with an error.
    """
    if chat.scripted:
        raise UsageError("An editor needs a terminal.")
    command = await asyncio.to_thread(editor_command)
    path = await asyncio.to_thread(_write_private, text)
    try:
        async with aside(chat):
            chat.keyboard.restore()
            # Ctrl-C belongs to the editor while it runs.
            with chat.interrupts.to(lambda: None):
                try:
                    code = await _run(command, path)
                except asyncio.CancelledError:
                    (keep or PromptHistory(chat.settings.home / "history").append_string)(_read(path))
                    raise
                except OSError as error:
                    raise LraError(f"The editor {command[0]} could not be started: {error.strerror}.") from error
                finally:
                    chat.keyboard.hush()
        if code:
            raise LraError(f"The editor {command[0]} ended with {code}; the text is as it was.")
        return await asyncio.to_thread(_read, path)
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


async def _run(command: list[str], path: Path) -> int:
    process = await asyncio.create_subprocess_exec(*command, str(path))
    try:
        return await process.wait()
    except asyncio.CancelledError:
        # Nobody would be there any more to give the terminal back to.
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await process.wait()
        raise


def _write_private(text: str) -> Path:
    # Created readable by its owner alone.
    handle, name = tempfile.mkstemp(prefix="lra-", suffix=".md")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _read(path: Path) -> str:
    return clean_text(path.read_bytes().decode("utf-8", "replace")).replace("\r\n", "\n").rstrip("\n")
