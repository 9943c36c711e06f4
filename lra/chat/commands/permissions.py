"""What tools may do: the rules, changing them, and the file they stand in."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, cast

from lra.chat.commands.registry import number_in, registry
from lra.chat.table import rows
from lra.chat.width import clip
from lra.errors import UsageError
from lra.text import with_tilde

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.policy import Action, Rule
    from lra.tools.rule_files import RuleFiles

_ACTIONS = ("allow", "ask", "deny")


@registry.command(
    "permissions", "[allow TOOL|deny TOOL|…]", during_turn=True, completes=(*_ACTIONS, "remove", "edit", "file")
)
async def permissions(chat: Chat, args: str) -> None:
    """List the rules about tools; add one, take one out, or edit the file.

    /permissions allow TOOL, ask TOOL and deny TOOL add a rule to your own file; * and ? in the name stand for others,
    and ARG=PATTERN behind it means calls with such an argument alone, as in /permissions allow web_fetch
    host=docs.python.org.

    /permissions remove N takes rule N of the list out; edit opens the file in your editor; file says where it is.
    A rule that denies always wins; else a rule of the session comes before one of the project, and that before yours.
    """
    files = (await chat.ready()).rules
    for sentence in await files.refresh():
        chat.screen.line(f"! {sentence}", "warning")
    verb, _, rest = args.partition(" ")
    if args == "remove":
        raise UsageError("Say which: /permissions remove N", hint="/permissions lists the rules with their numbers.")
    if args in _ACTIONS:
        raise UsageError(f"Say which: /permissions {verb} TOOL", hint="/tools lists the tools.")
    if verb in _ACTIONS:
        rule = await _add(chat, files, cast("Action", verb), rest)
        # It may be meant for a tool that comes later, as with an MCP server.
        if not any(rule.names(tool.name) for tool in (await chat.ready()).tools()):
            chat.screen.line(
                f"! No tool here is called {clip(rule.tool, 40)!r}; /tools lists those there are.", "warning"
            )
    elif verb == "remove":
        await _remove(chat, files, rest.strip())
    elif args == "edit":
        await _edit(chat, files)
    elif args == "file":
        chat.screen.line(str(files.user))
    elif not args:
        _show(chat, files)
    else:
        raise UsageError(
            f"/permissions does not know {clip(args, 40)!r}.",
            hint="Write allow TOOL, ask TOOL, deny TOOL, remove N, edit or file.",
        )


def _show(chat: Chat, files: RuleFiles) -> None:
    found = _listed(files)
    table = [(str(number), str(rule), with_tilde(str(rule.origin))) for number, rule in enumerate(found, 1)]
    for line in rows(table, chat.screen.columns, whole=True):
        chat.screen.line(line)
    if not found:
        chat.screen.line("There are no rules: every tool does what it does by itself.")
    for mistake in files.policy.mistakes:
        chat.screen.line(f"! {mistake}", "warning")
    chat.screen.line(
        "Without a rule, memory, tasks and code in a sandbox without network are allowed; what reaches the network,"
        " new tools, and tools of other programs that may change something ask.",
        "dim",
    )


def _listed(files: RuleFiles) -> list[Rule]:
    """Return every rule once: what is allowed for good as well as for the session stands in its file."""
    kept = files.policy.rules
    return [
        rule
        for rule in files.policy.every()
        if rule.origin.level != "session" or not any(_same(rule, other) for other in kept)
    ]


def _same(one: Rule, other: Rule) -> bool:
    return str(one) == str(other)


async def _add(chat: Chat, files: RuleFiles, action: Action, rest: str) -> Rule:
    from lra.policy import Rule

    try:
        tool, *pairs = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"That cannot be read: {error}.", hint="Put what has spaces in quotes.") from None
    when: dict[str, str] = {}
    for pair in pairs:
        name, sign, pattern = pair.partition("=")
        if not sign or not name:
            raise UsageError(f"{clip(pair, 40)!r} is no ARG=PATTERN.", hint="As in host=docs.python.org.")
        when[name] = pattern
    rule = Rule(action, tool, when)
    await asyncio.to_thread(files.add, rule)
    chat.screen.line(f"Added to {with_tilde(str(files.user))}: {rule}", "good")
    return rule


async def _remove(chat: Chat, files: RuleFiles, name: str) -> None:
    found = _listed(files)
    number = number_in(name)
    if number is None or not 1 <= number <= len(found):
        raise UsageError(f"There is no rule {clip(name, 20)!r}.", hint="/permissions lists them with their numbers.")
    rule: Rule = found[number - 1]
    if rule in files.policy.session:
        files.policy.session.remove(rule)
    else:
        await asyncio.to_thread(files.remove, rule)
        # What was allowed for good was allowed for the session too.
        files.policy.session[:] = [other for other in files.policy.session if not _same(other, rule)]
    chat.screen.line(f"Taken out: {rule} ({with_tilde(str(rule.origin))})", "good")


async def _edit(chat: Chat, files: RuleFiles) -> None:
    from lra.chat.commands.editing import edit_in_editor

    text = await asyncio.to_thread(files.read)
    edited = await edit_in_editor(chat, text)
    if edited.strip() == text.strip():
        chat.screen.line("The rules are as they were.", "dim")
        return
    await asyncio.to_thread(files.replace, edited + "\n")
    chat.screen.line(f"Written: {with_tilde(str(files.user))}", "good")
    for mistake in files.policy.mistakes:
        chat.screen.line(f"! {mistake}", "warning")
