"""Reading pages and searching, on servers of this machine; by default nothing of this machine is read at all."""

from __future__ import annotations

import gzip
import json
import time
from http.server import BaseHTTPRequestHandler

import pytest

from lra.errors import LraError
from lra.tools.web.fetching import MOST_BYTES, PAGE, fetch, host_of
from lra.tools.web.searching import search
from tests.web.conftest import Site

ARTICLE = """<html><head><title>Bread &amp; butter</title><style>b {color: red}</style><script>alert(1)</script></head>
<body><h1>Bread</h1><p>Mix <b>flour</b> and water.</p><ul><li>500 g flour</li></ul><a href="/more">More</a></body>"""


async def refused(url: str, *, private: bool = True) -> str:
    with pytest.raises(LraError) as caught:
        await fetch(url, private=private)
    return str(caught.value)


async def test_a_page_comes_as_clean_text(site: Site) -> None:
    page = await fetch(site.html("/bread", ARTICLE), private=True)
    assert (page["title"], "more" in page) == ("Bread & butter", False)
    assert "Mix **flour** and water." in page["content"]
    assert "alert(1)" not in page["content"]
    assert "color: red" not in page["content"]


async def test_a_long_page_comes_in_parts(site: Site) -> None:
    url = site.html("/long", "<p>" + "word " * 10_000 + "end</p>")
    first = await fetch(url, private=True)
    assert len(first["content"]) == PAGE
    assert first["more"].endswith(f"more characters, from start={PAGE}")
    rest = await fetch(url, start=2 * PAGE, private=True)
    assert rest["content"].endswith("end")
    assert "more" not in rest


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://0.0.0.0:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://127.1:{port}/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
async def test_nothing_of_this_machine_or_its_network_is_read(site: Site, address: str) -> None:
    site.html("/", "secret")
    assert await refused(address.format(port=site.port), private=False)
    assert site.asked == []


async def test_the_cloud_is_not_asked_about_itself_even_where_private_pages_may_be_read() -> None:
    assert "169.254.169.254" in await refused("http://169.254.169.254/latest/meta-data/")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x/",
        "about:blank",
        "",
        "http://",
        "//x/",
        "http://[::1",
        "javascript:1",
        "http://x:y/",
    ],
)
def test_only_http_is_read(url: str) -> None:
    with pytest.raises(LraError, match="is no http:// or https:// address"):
        host_of(url)


def test_no_password_goes_along() -> None:
    with pytest.raises(LraError, match="without a user's name and password") as caught:
        host_of("https://ada:s3cret@example.org/")
    assert "s3cret" not in str(caught.value)


async def test_a_redirect_to_another_host_has_to_be_asked_for(site: Site) -> None:
    site.pages["/away"] = (302, {"location": f"http://localhost:{site.port}/there"}, b"")
    told = await refused(f"{site.url}/away")
    assert told == f"{site.url}/away leads to another host, localhost: fetch that address by itself."
    assert site.asked == ["/away"]
    site.pages["/here"] = (302, {"location": "/bread"}, b"")
    site.html("/bread", ARTICLE)
    assert (await fetch(f"{site.url}/here", private=True))["title"] == "Bread & butter"
    site.pages["/round"] = (302, {"location": "/round"}, b"")
    assert "Too many redirects" in await refused(f"{site.url}/round")


async def test_what_is_no_page_says_so(site: Site) -> None:
    site.pages["/cat.png"] = (200, {"content-type": "image/png"}, b"\x89PNG")
    assert await refused(f"{site.url}/cat.png") == f"{site.url}/cat.png is no text: image/png, 4 bytes."
    assert "404" in await refused(f"{site.url}/nothing")
    assert "could not be read" in await refused("http://127.0.0.1:9/")
    assert "could not be read" in await refused("http://no-such-host.invalid/")


async def test_too_much_is_not_taken(site: Site) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/plain")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65_536)
        except OSError:
            pass

    site.pages["/endless"] = endless
    bomb = gzip.compress(b"x" * (MOST_BYTES * 4))
    site.pages["/bomb"] = (200, {"content-type": "text/plain", "content-encoding": "gzip"}, bomb)
    for path in ("/endless", "/bomb"):
        began = time.monotonic()
        assert "could not be read" in await refused(site.url + path)
        assert time.monotonic() - began < 15


async def test_html_that_is_meant_to_hurt(site: Site) -> None:
    site.html("/deep", "<div>" * 100_000)
    assert "could not be read" in await refused(f"{site.url}/deep")
    site.pages["/charset"] = (200, {"content-type": "text/plain; charset=rot_13"}, b"hello")
    assert "could not be read" in await refused(f"{site.url}/charset")
    site.pages["/control"] = (200, {"content-type": "text/plain"}, b"a\x00b\xffc")
    assert "\0" not in (await fetch(f"{site.url}/control", private=True))["content"]


async def test_a_search_server_of_ones_own(site: Site) -> None:
    results = [
        {"title": "Bread\n", "url": "https://bread.example/", "content": "Flour. " * 200, "engine": "x"},
        {"title": "Bad", "url": "javascript:alert(1)", "content": ""},
        "nonsense",
        {"title": "Butter", "url": "https://butter.example/"},
    ]
    body = json.dumps({"query": "bread", "results": results}).encode()
    site.pages["/search"] = (200, {"content-type": "application/json"}, body)
    found = await search("bread & butter", 5, server=site.url + "/")
    assert [(each["title"], each["url"]) for each in found] == [
        ("Bread", "https://bread.example/"),
        ("Butter", "https://butter.example/"),
    ]
    assert len(found[0]["snippet"]) == 500
    assert site.asked == ["/search?q=bread+%26+butter&format=json"]
    assert len(await search("bread", 1, server=site.url)) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((403, {}, b""), "does not answer in JSON: its settings forbid it"),
        ((500, {}, b""), "answered with HTTP 500"),
        ((200, {}, b"<html>"), "sent something else than results"),
        ((200, {}, b"[]"), "sent something else than results"),
        ((200, {}, b" " * 3_000_000), "sent more than can be results"),
    ],
)
async def test_a_search_server_that_does_not_work(
    site: Site, answer: tuple[int, dict[str, str], bytes], told: str
) -> None:
    site.pages["/search"] = answer
    with pytest.raises(LraError, match=told):
        await search("bread", 5, server=site.url)


async def test_a_search_server_that_is_not_there() -> None:
    with pytest.raises(LraError, match="cannot be reached"):
        await search("bread", 5, server="http://127.0.0.1:9")
