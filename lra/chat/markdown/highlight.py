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
_STEPS = 20
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
            role = "string" if begin == "`" else "comment"
            if place < 0 or text.find(end, place + len(begin)) >= 0 or not _opens(tokens, place, role):
                continue
            head = list(before._tokens(text[:place]))
            if self._context is not None and before._context.stack != self._context.stack:
                continue  # The lexer itself remembers that it is open.
            self._context = before._context
            self._inside = end
            self._role = role
            return [*head, (role, text[place:])]
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
        """Yield what the lexer finds, as long as it gets on: some go round in circles on some texts."""
        found = 0
        try:
            for token in self._found(text):
                yield token
                found += 1
                if found > _STEPS * len(text):
                    break
            else:
                return
        except (TypeError, AttributeError, IndexError, KeyError, ValueError):
            pass  # A lexer that cannot read single lines.
        self._lexer = None

    def _found(self, text: str) -> Iterator[tuple[int, Any, str]]:
        context = self._context
        if context is None:
            yield from self._lexer.get_tokens_unprocessed(text)
        elif isinstance(self._lexer, _extended()):
            context.text, context.pos, context.end = text, 0, len(text)
            yield from self._lexer.get_tokens_unprocessed(text, context=context)
        else:
            yield from _regex_tokens(self._lexer, text, context.stack)


def _regex_tokens(lexer: Any, text: str, stack: list[str]) -> Iterator[tuple[int, Any, str]]:
    """Do what Pygments' `RegexLexer` does, which does not say in which state it ends: `stack` is that state."""
    place = 0
    for _ in range(_STEPS * len(text)):
        for match_rule, action, state in lexer._tokens[stack[-1]]:
            if match := match_rule(text, place):
                if action is not None and callable(action) and not isinstance(action, tuple):
                    yield from action(lexer, match)
                elif action is not None:
                    yield place, action, match.group()
                place = match.end()
                _move(stack, state)
                break
        else:
            if place >= len(text):
                return
            if text[place] == "\n":
                stack[:] = ["root"]
            place += 1
    raise ValueError("the lexer does not get on")


def _move(stack: list[str], state: Any) -> None:
    """Change the stack as a lexer's rule says."""
    for step in state if isinstance(state, tuple) else () if state is None else (state,):
        if step == "#pop" or (isinstance(step, int) and step < 0):
            count = 1 if step == "#pop" else -step
            del stack[max(1, len(stack) - count) :]
        else:
            stack.append(stack[-1] if step == "#push" else step)


def _extended() -> Any:
    from pygments.lexer import ExtendedRegexLexer  # type: ignore[import-untyped]

    return ExtendedRegexLexer


def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    if language in {"text", "txt", "plain", "plaintext", "output"} or language.lower() not in _languages():
        return None
    try:
        return get_lexer_by_name(language)
    except (ClassNotFound, ImportError):
        return None


@cache
def _languages() -> frozenset[str]:
    """Return the names of languages that pygments itself knows.

    For any other name it would look through every installed package for a plugin, while the answer waits.
    """
    from pygments.lexers import LEXERS

    return frozenset(alias.lower() for _, _, aliases, _, _ in LEXERS.values() for alias in aliases)


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


def _opens(tokens: list[tuple[str, str]], place: int, role: str) -> bool:
    """Return whether a pair may open there: not within a string or a comment, unless it is what opens there."""
    at = 0
    for found, value in tokens:
        if at <= place < at + len(value):
            return found not in {"string", "comment"} or (found == role and at == place)
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
