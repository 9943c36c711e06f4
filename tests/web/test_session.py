"""The tools for the web in a conversation: asked about by host, and the provider's own only where rules allow them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from lra import events
from lra.config import config_dir
from lra.tools.consent import Answer, Lasting
from lra.tools.web.toolset import PRIVATE
from tests.session.support import Desk, of, take
from tests.support.model_server import call, say
from tests.web.conftest import Site


class Person:
    """Answers questions, and remembers them."""

    def __init__(self, answer: Answer = True) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any], str]] = []

    async def __call__(self, name: str, args: dict[str, Any], reason: str, **more: Any) -> Answer:
        self.asked.append((name, args, reason))
        return self.answer


async def results(desk: Desk, person: Person, *steps: Any) -> list[events.ToolFinished]:
    session = await desk.session(approver=person, use_memory=False)
    desk.server.add(*steps)
    return of(await take(session, "go"), events.ToolFinished)


async def rules(text: str) -> None:
    path = config_dir() / "permissions.toml"
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(path.write_text, text)


async def test_a_page_is_asked_about_and_read(desk: Desk, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRIVATE, "1")
    url, person = site.html("/a", "<p>Forty-two.</p>"), Person()
    (finished,) = await results(desk, person, say("", call("web_fetch", url=url)), say("It says 42."))
    assert json.loads(finished.content)["content"] == "Forty-two."
    assert [(name, args["url"]) for name, args, _ in person.asked] == [("web_fetch", url)]
    assert "Forty-two." in desk.server.last_messages()[-1].text


async def test_what_is_refused_is_not_asked_for(desk: Desk, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRIVATE, "1")
    url = site.html("/a", "<p>Forty-two.</p>")
    (finished,) = await results(desk, Person("not there"), say("", call("web_fetch", url=url)), say("All right."))
    assert (finished.outcome, site.asked) == ("denied", [])


async def test_a_lasting_yes_is_for_one_host(desk: Desk, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRIVATE, "1")
    site.html("/a", "a")
    other, person = f"http://localhost:{site.port}/a", Person(Lasting("session"))
    calls = [site.url + "/a", site.url + "/a?again", other]
    finished = await results(desk, person, *(say("", call("web_fetch", url=url)) for url in calls), say("Done."))
    assert [each.outcome for each in finished] == ["success"] * 3
    assert [args["url"] for _, args, _ in person.asked] == [calls[0], other]


async def test_this_machine_is_not_read_whatever_the_person_says(desk: Desk, site: Site) -> None:
    site.html("/a", "secret")
    (finished,) = await results(desk, Person(), say("", call("web_fetch", url=site.url + "/a")), say("I cannot."))
    assert finished.outcome == "failed"
    assert "in this machine's own network, which is not read" in finished.content
    assert site.asked == []


async def test_a_file_of_the_folder_opens_nothing(desk: Desk, site: Site) -> None:
    site.html("/a", "secret")
    text = f"{PRIVATE}=1\nLRA_SEARCH_URL={site.url}\n"
    await asyncio.to_thread(Path(".env").write_text, text)
    finished = await results(
        desk,
        Person(),
        say("", call("web_fetch", url=site.url + "/a")),
        say("", call("web_search", query="x")),
        say("I cannot."),
    )
    assert [each.outcome for each in finished] == ["failed", "failed"]
    assert site.asked == []


async def test_a_search_tells_where_the_words_go(desk: Desk, site: Site) -> None:
    body = json.dumps({"results": [{"title": "T", "url": "https://t.example/", "content": "C"}]}).encode()
    site.pages["/search"] = (200, {}, body)
    desk.setenv(LRA_SEARCH_URL=site.url)
    person = Person()
    (finished,) = await results(desk, person, say("", call("web_search", query="bread")), say("Found."))
    assert json.loads(finished.content) == [{"title": "T", "url": "https://t.example/", "snippet": "C"}]
    assert person.asked == [("web_search", {"query": "bread", "limit": 5}, f"It sends the words to {site.url}.")]


@pytest.mark.parametrize(
    ("written", "native"),
    [
        ("", False),
        ('[[rule]]\nallow = "web_*"\n', True),
        ('[[rule]]\nallow = "web_search"\n', True),
        ('[[rule]]\nallow = "web_fetch"\nwhen = { host = "a.example" }\n', False),
        ('[[rule]]\nallow = "web_*"\n[[rule]]\nask = "web_search"\nwhen = { query = "*secret*" }\n', False),
    ],
)
async def test_a_provider_searches_by_itself_only_where_every_search_is_allowed(
    desk: Desk, written: str, native: bool
) -> None:
    await rules(written)
    session = await desk.session("openai", approver=Person(), use_memory=False)
    desk.server.add(say("Hello."))
    await take(session, "hello")
    offered = desk.server.requests[-1].body["tools"]
    assert ("web_search" in [each["type"] for each in offered]) is native
    assert ("web_search" in [each.get("name") for each in offered]) is not native
    # This provider has none that reads a page.
    assert "web_fetch" in [each.get("name") for each in offered]
