"""Commands about what is sent to the model: what fills its window, making room, taking that back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry
from lra.chat.render import by_rules_text
from lra.chat.table import bar, counted
from lra.chat.width import cells, clip, pad

if TYPE_CHECKING:
    from lra.chat.app import Chat

_BAR = 20
_SUMMARY_LINES = 8


@registry.command("compact")
async def compact(chat: Chat, args: str) -> None:
    """Shorten what is sent to the model; the record keeps everything and /uncompact takes it back."""
    session = await chat.ready()
    compacted = await session.compact()
    if compacted is None:
        chat.screen.line("There is nothing to shorten yet.")
        return
    before, after = compacted.before_tokens, compacted.after_tokens
    chat.screen.line(f"⇊ about {before:,} tokens before, {after:,} now; /uncompact takes it back.", "good")
    if compacted.problem:
        chat.screen.line(f"{by_rules_text(compacted.problem)} To try again: /uncompact, then /compact.", "warning")
    said = [line for line in compacted.detail.splitlines() if line.strip()]
    for line in said[:_SUMMARY_LINES]:
        chat.screen.line(f"  {clip(line, 400)}", "dim")
    if len(said) > _SUMMARY_LINES:
        chat.screen.line(f"  and {counted(len(said) - _SUMMARY_LINES, 'more line')}.", "dim")


@registry.command("uncompact")
async def uncompact(chat: Chat, args: str) -> None:
    """Send the whole conversation to the model again; as before it was shortened."""
    session = await chat.ready()
    restored = await session.uncompact()
    if restored is None:
        chat.screen.line("Nothing was shortened: the model gets the whole conversation.")
        return
    chat.screen.line(
        f"The whole conversation is sent again: about {restored.before_tokens:,} tokens before, "
        f"{restored.after_tokens:,} now.",
        "good",
    )


@registry.command("context", during_turn=True)
async def context(chat: Chat, args: str) -> None:
    """Show what fills the model's window, part by part."""
    report = await (await chat.ready()).context_report()
    window = report.window or 1
    parts = [(part.label, part.tokens) for part in report.parts]
    shown = [*parts, ("in all", report.used), ("free", report.free)]
    names = max(cells(label) for label, _ in shown)
    width = max(0, min(_BAR, chat.screen.columns - names - 21))
    for label, tokens in shown:
        share = tokens / window
        chat.screen.line(f"  {pad(label, names)} {tokens:>9,} {share:>6.1%} {bar(share, width)}".rstrip())
    chat.screen.line(f"Estimated tokens, of {report.window:,} that {clip(report.model, 60)} takes.", "dim")
    if report.used > window:
        chat.screen.line("More than it takes: before the next answer older turns are summarised.", "dim")
    elif report.used < report.shortened_from:
        chat.screen.line(f"From {report.shortened_from:,} on, older turns are summarised.", "dim")
