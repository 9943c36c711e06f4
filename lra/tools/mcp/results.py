"""What a tool of a server gave back, as the model gets it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import mcp_types as types
from pydantic_ai import BinaryContent

from lra.text import clean_text

MOST_CHARACTERS = 50_000
_MOST_PICTURE = 2_000_000
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def content_of(result: types.CallToolResult) -> Any:
    """Return text, or text and pictures, cut to what a model can take.

    Args:
        result: As the server gave it.
    """
    texts: list[str] = []
    pictures: list[BinaryContent] = []
    for block in result.content:
        if isinstance(block, types.ImageContent):
            picture = _picture(block)
            if isinstance(picture, BinaryContent):
                pictures.append(picture)
            else:
                texts.append(picture)
        else:
            texts.append(_text(block))
    if not texts and result.structured_content is not None:
        texts.append(json.dumps(result.structured_content, ensure_ascii=False))
    text = cut(clean_text("\n".join(texts)))
    return [text, *pictures] if pictures else text


def cut(text: str) -> str:
    """Return a text with its middle left out, where it is too long.

    Args:
        text: What a tool gave back.
    """
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


def _text(block: types.ContentBlock) -> str:
    match block:
        case types.TextContent(text=text):
            return text
        case types.EmbeddedResource(resource=types.TextResourceContents(text=text)):
            return text
        case types.ResourceLink(uri=uri, name=name):
            return f"[{name}]({uri})"
    kind = getattr(block, "mime_type", None) or block.type
    return f"({kind}: left out, since it is no text)"


def _picture(block: types.ImageContent) -> BinaryContent | str:
    if block.mime_type not in _PICTURES:
        return f"(a picture of type {block.mime_type[:60]}: left out)"
    if len(block.data) > _MOST_PICTURE * 4 // 3:
        return f"(a picture of more than {_MOST_PICTURE // 1_000_000} MB: left out)"
    try:
        return BinaryContent(base64.b64decode(block.data, validate=True), media_type=block.mime_type)
    except (binascii.Error, ValueError):
        return "(a picture that cannot be read: left out)"
