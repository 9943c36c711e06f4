"""Commands about how the chat looks and which keys it obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.editing import edit_in_editor
from lra.chat.commands.registry import registry
from lra.chat.keymap import KEYMAP
from lra.chat.picker import Item, pick
from lra.chat.table import rows
from lra.chat.theme import THEMES
from lra.chat.width import clip
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat

_THEMES = {
    "dark": "for a dark background",
    "light": "for a light background",
    "high-contrast": "the terminal's own colours, told apart by weight",
    "plain": "no colour at all",
}
_MODES = ("emacs", "vi")


@registry.command("theme", "[NAME]", during_turn=True, completes=THEMES)
async def theme(chat: Chat, args: str) -> None:
    """Choose the colours; dark, light, high-contrast or plain, kept for the next time."""
    name = args.lower().replace(" ", "-")
    if not name:
        if chat.scripted:
            chat.screen.line(f"The themes are {', '.join(THEMES)}.")
            return
        now = chat.screen.theme.name
        items = [Item(known, known, _THEMES[known] + (", used now" if known == now else "")) for known in THEMES]
        picked = await pick(chat, "Theme", items, start=THEMES.index(now))
        if picked is None:
            return
        name = picked.item.key
    known = next((known for known in THEMES if known == name), None)
    if known is None:
        raise UsageError(f"There is no theme {clip(args, 40)!r}.", hint=f"Use one of {', '.join(THEMES)}.")
    chat.set_theme(known)
    chat.screen.line(f"The theme is {known} from now on.", "good")


@registry.command("keys", "[emacs|vi]", during_turn=True, completes=_MODES)
async def keys(chat: Chat, args: str) -> None:
    """List the keys; with a name, edit lines as emacs or vi does from now on."""
    if args:
        mode = args.lower()
        if mode not in _MODES:
            raise UsageError(f"There are no keys {clip(args, 40)!r}.", hint="Use emacs or vi.")
        chat.set_keys(mode)
        where = "On a full terminal lines" if chat.screen.plain else "Lines"
        chat.screen.line(f"{where} are edited with the keys of {mode} from now on.", "good")
        return
    for line in rows([(key.shown, key.does) for key in KEYMAP], chat.screen.columns, whole=True):
        chat.screen.line(line)
    chat.screen.line("/keys vi and /keys emacs choose how lines are edited.", "dim")


@registry.command("editor", "[TEXT]")
async def editor(chat: Chat, args: str) -> None:
    """Write the next message in your editor; the one VISUAL or EDITOR names."""
    text = await edit_in_editor(chat, args)
    if text.strip():
        chat.offer(text)
    else:
        chat.screen.line("Nothing was written.")
