"""The inline part of Markdown as spans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lra.chat.markdown.formulas import keep_formulas
from lra.chat.markdown.lines import flat
from lra.chat.markdown.spans import Look, Span, Spans, safe_url

_URL = re.compile(r"https?://[^\s<>\"`]+", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:|www\.|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:[/:?]|$))", re.IGNORECASE)
# Some texts take markdown-it the square of their length; no paragraph that is read is as long as this.
_LONGEST = 16_000
_ROLES = {"strong": "strong", "em": "emphasis", "s": "strike"}


class Inline:
    """Reads the inline part; remembers the addresses that the answer has defined.

    Args:
        look: How it is drawn.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._inline = MarkdownIt("commonmark", {"html": True, "maxNesting": 50}).enable("strikethrough")
        keep_formulas(self._inline)
        self._blocks = MarkdownIt("commonmark", {"html": False}).enable(["reference", "paragraph"], True)
        self._env: dict[str, Any] = {}

    def fork(self) -> Inline:
        """Return a copy in which more can be defined."""
        other = Inline.__new__(Inline)
        other._look, other._inline, other._blocks = self._look, self._inline, self._blocks
        other._env = {name: copy(value) for name, value in self._env.items()}
        return other

    def define(self, text: str) -> tuple[list[str], str]:
        """Take the definitions of addresses at a paragraph's beginning; returns their lines and what is left."""
        if not text.startswith("[") or "]:" not in text:
            return [], text
        tokens: list[Token] = []
        self._blocks.block.parse(text, self._blocks, self._env, tokens)
        first = next((token.map[0] for token in tokens if token.map), None)
        lines = text.split("\n")
        return (lines, "") if first is None else (lines[:first], "\n".join(lines[first:]))

    def spans(self, text: str, role: str = "plain") -> Spans:
        """Return inline Markdown as spans; a line break in them is a hard one."""
        if not text:
            return []
        base = self._look.code(role)
        if len(text) > _LONGEST:
            return [Span(flat(text), base)]
        tokens = self._inline.parseInline(text, self._env)[0].children or []
        return [span for span in self._walk(tokens, [base] if base else []) if span.text]

    def linked(self, text: str, code: str) -> Iterator[Span]:
        """Cut text where bare addresses begin and end."""
        place = 0
        if self._look.hyperlinks and not self._look.plain and "://" in text:
            for match in _URL.finditer(text):
                url = _without_punctuation(match[0])
                if safe_url(url):
                    end = match.start() + len(url)
                    yield Span(text[place : match.start()], code)
                    yield Span(text[match.start() : end], _both(code, self._look.code("link")), url)
                    place = end
        yield Span(text[place:], code)

    def _walk(self, tokens: Sequence[Token], codes: list[str]) -> Iterator[Span]:
        url = ""
        said: list[str] = []
        for token in tokens:
            code = ";".join(codes)
            hidden = url if self._hides(url) else ""
            if token.type in {"text", "code_inline"}:
                said.append(flat(token.content))
            if token.type == "text":
                yield from [Span(said[-1], code, hidden)] if url else self.linked(said[-1], code)
            elif token.type == "code_inline":
                yield self._code(token, codes, hidden)
            elif token.type == "link_open":
                url = flat(str(token.attrs.get("href", "")))
                said = []
                codes.append(self._look.code("link"))
            elif token.type == "link_close":
                codes.pop()
                yield from self._address(url, said, ";".join(codes))
                url = ""
            elif token.type == "image":
                yield from self._image(token, codes)
            elif role := _ROLES.get(token.type.rpartition("_")[0]):
                yield from self._styled(token, role, codes)
            else:
                yield self._other(token, code)

    def _styled(self, token: Token, role: str, codes: list[str]) -> Iterator[Span]:
        """Begin or end a style; without colours its mark stays."""
        if self._look.plain:
            yield Span(token.markup)
        elif token.nesting > 0:
            codes.append(self._look.code(role))
        else:
            codes.pop()

    def _other(self, token: Token, code: str) -> Span:
        if token.type in {"softbreak", "hardbreak"}:
            return Span(" " if token.type == "softbreak" else "\n", code)
        text = flat(token.content)
        return Span("\n", code) if _BREAK.fullmatch(text) else Span(text, _both(code, self._look.code("dim")))

    def _hides(self, url: str) -> bool:
        return self._look.hyperlinks and not self._look.plain and safe_url(url)

    def _code(self, token: Token, codes: Sequence[str], hidden: str) -> Span:
        text = flat(token.content)
        if self._look.plain:
            blank = " " if text.startswith("`") or text.endswith("`") else ""
            return Span(f"{token.markup}{blank}{text}{blank}{token.markup}")
        code = ";".join([*codes, self._look.code("code")])
        return Span(text, code, hidden)

    def _image(self, token: Token, codes: Sequence[str]) -> Iterator[Span]:
        url = flat(str(token.attrs.get("src", "")))
        code = ";".join(codes)
        alt = "".join(flat(child.content) for child in token.children or []) or "image"
        yield Span(f"{alt} (", code)
        yield Span(url, _both(code, self._look.code("link")), url if self._hides(url) else "")
        yield Span(")", code)

    def _address(self, url: str, said: Sequence[str], code: str) -> Iterator[Span]:
        """Show where a link leads, unless it says so itself, or the terminal tells."""
        text = "".join(said).strip()
        same = unquote(url).removeprefix("mailto:").rstrip("/") == unquote(text).rstrip("/")
        # A text that is an address, but another one, must not hide where it leads.
        if url and not same and (not self._hides(url) or _ADDRESS.match(text)):
            yield Span(" (" if text else "(", code)
            yield Span(url, _both(code, self._look.code("link")), url if self._hides(url) else "")
            yield Span(")", code)


def _both(code: str, other: str) -> str:
    return f"{code};{other}" if code and other else code or other


def _without_punctuation(url: str) -> str:
    while url and (url[-1] in ".,;:!?'*_~" or (url[-1] in ")]}" and url.count(url[-1]) > url.count(_OPENS[url[-1]]))):
        url = url[:-1]
    return url


_OPENS = {")": "(", "]": "[", "}": "{"}
