"""Highlighting code line by line, with the lexer's state kept between the lines."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import cache
from typing import Any

from lra.chat.markdown.spans import Look, Span, Spans

# What may go on over lines and is one expression to most lexers, which see a line at a time here.
_PAIRS = (("/*", "*/"), ("<!--", "-->"), ("`", "`"))
_LONGEST = 2000
_ROLES = {
    "Comment": "comment", "Comment.Preproc": "builtin", "Literal.String": "string", "Literal.Number": "number",
    "Keyword": "keyword", "Operator.Word": "keyword", "Operator": "operator", "Name.Builtin": "builtin",
    "Name.Decorator": "builtin", "Name.Exception": "builtin", "Name.Function": "name", "Name.Class": "name",
    "Name.Tag": "keyword", "Name.Attribute": "name", "Generic.Inserted": "added", "Generic.Deleted": "removed",
    "Generic.Heading": "heading", "Generic.Subheading": "heading", "Generic.Prompt": "dim",
}  # fmt: skip


class Highlighter:
    """Highlights one piece of code.

    Args:
        language: What the code is said to be in; code in no known language stays as it is.
        look: How it is drawn.
    """

    def __init__(self, language: str, look: Look) -> None:
        self._look = look
        self._lexer: Any = None if look.plain else _lexer(language)
        self._context: Any = None
        self._inside = ""
        self._role = "plain"
        if self._lexer is not None:
            self._context = _context(self._lexer)
            self._pairs = [pair for pair in _PAIRS if self._single(pair)]

    def fork(self) -> Highlighter:
        """Return a copy in the same state."""
        other = copy(self)
        if self._context is not None:
            other._context = copy(self._context)
            other._context.stack = list(self._context.stack)
        return other

    def line(self, text: str) -> Spans:
        """Return the next line as spans."""
        if self._lexer is None or len(text) > _LONGEST:
            return [Span(text)]
        spans: Spans = []
        if self._inside:
            end = text.find(self._inside)
            if end < 0:
                return [self._look.span(text, self._role)]
            end += len(self._inside)
            spans.append(self._look.span(text[:end], self._role))
            text, self._inside = text[end:], ""
        return spans + [self._look.span(value, role) for role, value in self._read(text) if value]

    def _read(self, text: str) -> list[tuple[str, str]]:
        """Read the rest of a line, and notice where something opens that only a later line closes."""
        before = self.fork()
        tokens = list(self._tokens(text))
        for begin, end in self._pairs:
            place = text.rfind(begin)
            if place < 0 or text.find(end, place + len(begin)) >= 0 or not _opens(tokens, place):
                continue
            head = list(before._tokens(text[:place]))
            if self._context is not None and before._context.stack != self._context.stack:
                continue  # The lexer itself remembers that it is open.
            self._context = before._context
            self._inside = end
            self._role = "string" if begin == "`" else "comment"
            return [*head, (self._role, text[place:])]
        return tokens

    def _single(self, pair: tuple[str, str]) -> bool:
        """Return whether the language has this pair, as one token."""
        text = f"{pair[0]} x {pair[1]}"
        tokens = [(role, value) for role, value in self.fork()._tokens(text) if value.strip()]
        return [value for _, value in tokens] == [text] and tokens[0][0] in {"comment", "string"}

    def _tokens(self, text: str) -> Iterator[tuple[str, str]]:
        """Read one line; what the lexer adds or leaves out does not count."""
        place = 0
        for index, kind, value in self._unprocessed(text + "\n"):
            # Lexers may give tokens twice or out of order: nothing of the code may be lost or doubled.
            if index < place or not text.startswith(value.rstrip("\n"), index):
                continue
            if index > place:
                yield "plain", text[place:index]
            part = value.rstrip("\n")
            yield _role(kind), part
            place = index + len(part)
        if place < len(text):
            yield "plain", text[place:]

    def _unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        from pygments.lexer import ExtendedRegexLexer  # type: ignore[import-untyped]

        if self._context is None:
            yield from self._lexer.get_tokens_unprocessed(text)
            return
        self._context.text, self._context.pos, self._context.end = text, 0, len(text)
        extended = isinstance(self._lexer, ExtendedRegexLexer)
        read = type(self._lexer) if extended else ExtendedRegexLexer
        try:
            yield from read.get_tokens_unprocessed(self._lexer, text, context=self._context)
        except (TypeError, AttributeError, IndexError, KeyError):
            # A lexer with callbacks of another kind: from here on each line stands alone.
            self._context = None
            yield from self._lexer.get_tokens_unprocessed(text)


def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    if not language or language in {"text", "txt", "plain", "plaintext", "output"}:
        return None
    try:
        return get_lexer_by_name(language)
    except (ClassNotFound, ImportError):
        return None


def _context(lexer: Any) -> Any:
    """Return where a lexer stands at the beginning; None when it keeps no state that could be kept for it."""
    from pygments.lexer import ExtendedRegexLexer, LexerContext, RegexLexer
    from pygments.lexers.data import YamlLexer, YamlLexerContext  # type: ignore[import-untyped]
    from pygments.lexers.php import PhpLexer  # type: ignore[import-untyped]

    if isinstance(lexer, YamlLexer):
        return YamlLexerContext("", 0)
    if isinstance(lexer, PhpLexer):
        # Examples seldom begin with <?php.
        return LexerContext("", 0, ["root", "php"])
    return LexerContext("", 0) if isinstance(lexer, RegexLexer | ExtendedRegexLexer) else None


def _opens(tokens: list[tuple[str, str]], place: int) -> bool:
    """Return whether a pair may open there: not within a string or a comment."""
    at = 0
    for role, value in tokens:
        if at == place:
            return True
        if at < place < at + len(value):
            return role not in {"string", "comment"}
        at += len(value)
    return False


@cache
def _role(kind: Any) -> str:
    """Return the role of a token: of the first of its ancestors that has one."""
    while kind is not None:
        if role := _ROLES.get(str(kind).removeprefix("Token.")):
            return role
        kind = kind.parent
    return "plain"
