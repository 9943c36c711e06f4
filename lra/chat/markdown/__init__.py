"""Markdown for the terminal, written for good as soon as a piece of it is finished; loaded with the first answer."""

from lra.chat.markdown.stream import AnswerStream, preload

__all__ = ["AnswerStream", "preload"]
