"""A conversation as one HTML page that loads nothing, runs nothing, and shows everything as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from lra.session.transcript import Message, name_of
from lra.store.clock import iso
from lra.text import printable

if TYPE_CHECKING:
    from lra.store import SessionRecord

_STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --soft: #f6f8fa; --dim: #59636e; --you: #ddf4ff; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --soft: #151b23; --dim: #9198a1; --you: #121d2f; } }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.25; overflow-wrap: anywhere; }
header p, .when, .outcome { color: var(--dim); font-size: .85rem; }
.message { margin: 1.25rem 0; }
.message > h2 { font-size: .95rem; margin: 0 0 .25rem; }
.message > h2 .when { font-weight: normal; margin-left: .5rem; }
.user > .text { background: var(--you); border-radius: .5rem; padding: .6rem .9rem; }
.text { overflow-wrap: anywhere; }
.verbatim { white-space: pre-wrap; unicode-bidi: plaintext; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem; overflow-x: auto; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; }
blockquote { border-left: .25rem solid var(--line); margin-left: 0; padding-left: 1rem; color: var(--dim); }
details { border-left: .25rem solid var(--line); padding-left: .75rem; }
summary { cursor: pointer; color: var(--dim); }
summary code { overflow-wrap: anywhere; }
"""
# Even if something slipped through, a browser would load and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def to_html(session: SessionRecord, messages: Sequence[Message]) -> str:
    """Return a conversation as a page of its own."""
    title = escape(printable(session.title or session.id))
    facts = [f"Session {session.id}", f"started {iso(session.created_at)[:10]}", session.model]
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # A picture from elsewhere would tell its server who reads this; its text and address are shown as a link.
    markdown.disable("image")
    body = "\n".join(_message(message, markdown) for message in messages)
    return f"""<!DOCTYPE html>
<html lang="und">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1 dir="auto">{title}</h1>
<p>{escape(printable(", ".join(fact for fact in facts if fact)))}</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _message(message: Message, markdown: MarkdownIt) -> str:
    role = message["role"]
    outcome = message.get("outcome")
    note = "" if outcome in {None, "completed"} else f'<p class="outcome">({_safe(str(outcome))})</p>'
    if role == "tool":
        args = _safe(json.dumps(message["args"], ensure_ascii=False))
        return (
            f'<details class="message tool"><summary>Tool: <code>{_safe(str(message["name"]))} {args}</code></summary>'
            f"<pre>{_safe(message['content'])}</pre>{note}</details>"
        )
    if role == "assistant":
        text = f'<div class="text">{_rendered(printable(message["content"]), markdown)}</div>'
    else:
        text = f'<div class="text verbatim" dir="auto">{_safe(message["content"])}</div>'
    when = f'<span class="when">{_safe(message["created_at"][:16].replace("T", " "))} UTC</span>'
    return f'<section class="message {_safe(role)}"><h2>{_safe(name_of(message))}{when}</h2>{text}{note}</section>'


def _rendered(text: str, markdown: MarkdownIt) -> str:
    tokens = markdown.parse(text)
    for token in tokens:
        # Each paragraph, list and table by its own first letter: Hebrew and Arabic begin at the right.
        if token.level == 0 and token.nesting == 1:
            token.attrSet("dir", "auto")
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _safe(text: str) -> str:
    return escape(printable(text))
