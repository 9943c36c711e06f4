"""Headings of one document within another."""

from __future__ import annotations

_DEEPEST = 6


def below(markdown: str, levels: int) -> str:
    """Return Markdown whose headings stand so many levels lower; all else is as it was.

    Args:
        markdown: Any text.
        levels: How many.
    """
    if "#" not in markdown and "\n=" not in markdown and "\n-" not in markdown:
        return markdown
    from markdown_it import MarkdownIt

    lines = markdown.split("\n")
    gone: set[int] = set()
    # A carriage return would count as a line of its own.
    tokens = MarkdownIt("commonmark").parse("\n".join(line.replace("\r", " ") for line in lines))
    for at, token in enumerate(tokens):
        # Those in quotes and lists are none of the document's own.
        if token.type != "heading_open" or token.level or token.map is None:
            continue
        marks = "#" * min(_DEEPEST, int(token.tag[1:]) + levels)
        first, end = token.map
        if token.markup in {"=", "-"}:
            # What is underlined knows two levels only.
            lines[first] = f"{marks} {' '.join(tokens[at + 1].content.split())}"
            gone.update(range(first + 1, end))
        else:
            indent, rest = lines[first].split("#", 1)
            lines[first] = f"{indent}{marks}{rest.lstrip('#')}"
    return "\n".join(line for number, line in enumerate(lines) if number not in gone)
