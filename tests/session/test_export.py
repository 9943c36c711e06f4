"""A conversation as a document, whatever was said in it."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from lra.errors import UsageError
from lra.session import Session
from lra.session.headings import below
from tests.session.support import Desk, take
from tests.support.model_server import call, say

EVIL = '<script>alert(1)</script> <img src="https://evil.example/x.png" onerror="alert(2)"> \x1b[31mred\x1b[0m &amp;'
ANSWER = f"""# Plan

- **one** `code <b>`
- [click](javascript:alert(3)) and [good](https://example.com/?a=1&b=2)
- ![pixel](https://evil.example/track.png)

| a | b |
|---|---|
| 1 | 2 |

{EVIL}

```html
<script>in a fence</script>
```
"""


class Reader(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
async def session(desk: Desk) -> Session:
    session = await desk.session()
    await session.rename(f"Title {EVIL}")
    desk.server.script(say("Let me look.", call("search_memory", query=f"dogs {EVIL}")), say(ANSWER))
    await take(session, f"My question: {EVIL}\n    indented")
    return session


async def test_the_page_shows_everything_and_runs_nothing(session: Session) -> None:
    page = await session.export("html")
    found = Reader(page)
    assert not {"script", "img", "iframe", "object", "link", "base", "form"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    links = [value for name, value in found.attributes if name in {"href", "src"}]
    # A picture became a link, and a script's address plain text.
    assert links == ["https://example.com/?a=1&b=2", "https://evil.example/track.png"]
    assert "\x1b" not in page
    for words in (
        "<script>alert(1)</script>",
        "My question:",
        "    indented",
        "code <b>",
        "in a fence",
        "search_memory",
    ):
        assert words in found.text
    assert {"table", "pre", "strong", "details"} <= set(found.tags)
    assert "default-src 'none'" in page


async def test_markdown_and_json_hold_the_same_conversation(session: Session) -> None:
    markdown, data = await session.export("md"), json.loads(await session.export("json"))
    assert [message["role"] for message in data["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert data["messages"][2]["args"]["query"].startswith("dogs")
    assert data["messages"][-1]["content"] == ANSWER
    assert markdown.startswith("# Title ")
    assert "## Tool: search_memory" in markdown
    assert "\n## Assistant\n\n### Plan\n" in markdown
    assert "| 1 | 2 |" in markdown
    assert "\x1b" not in markdown


async def test_each_paragraph_has_the_direction_of_its_own_script(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("Hello.\n\nשלום עולם\n\n- אחת\n- שתיים\n\n| א | ב |\n|---|---|\n| 1 | 2 |\n\n> שלום"))
    await take(session, "مرحبا")
    page = await session.export("html")
    for beginning in (
        '<p dir="auto">Hello.',
        '<p dir="auto">שלום',
        '<ul dir="auto">\n<li>אחת',
        '<table dir="auto">',
        '<blockquote dir="auto">\n<p>שלום',
        '<div class="text verbatim" dir="auto">مرحبا',
        '<h1 dir="auto">',
    ):
        assert beginning in page


def test_headings_stand_below_those_of_who_spoke() -> None:
    rest = "```sh\n# no heading\n```\n\n> # quoted\n\n#none\n\n---\n"
    text = f"# One\r\n\r\n###### Six ##\n\nTwo\nlines\n===\n\nthree\n---\n\n{rest}"
    assert below(text, 2) == f"### One\r\n\r\n###### Six ##\n\n### Two lines\n\n#### three\n\n{rest}"
    assert below("no heading at all - # 1\r\nnone", 2) == "no heading at all - # 1\r\nnone"


async def test_an_unknown_format_is_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="'pdf' is no format"):
        await session.export("pdf")


def test_exporting_does_not_load_the_models_packages() -> None:
    code = "import sys, lra.session.export, lra.session.html_page; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic_ai", "pydantic", "openai", "sqlalchemy"} & set(done.stdout.split())
