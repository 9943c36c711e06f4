"""Secrets in a text: keys, tokens, private keys, passwords and card numbers.

The patterns of tokens are those of the detect-secrets library, which is loaded only when a text could hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lra.errors import RefusedError

if TYPE_CHECKING:
    from detect_secrets.plugins.base import BasePlugin

MARK = "[secret]"

# Whatever the library finds has one of these; nothing else is worth loading it for.
_WORTH_A_LOOK = re.compile(r"[A-Za-z0-9_\-+/=.:@]{16,}|PRIVATE KEY|PuTTY-User-Key")
_RUN = re.compile(r"[\w\-.=+/]+")
_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-]|\.\d)")
_CARD_STARTS = re.compile(r"3[0-9]|4|5[1-5]|2[2-7]|6")
_NAMED = re.compile(
    r"\b(?P<name>(?:api|access|secret|private|auth|bearer|signing|encryption)[ _-]?(?:key|token|secret)"
    r"|pass ?(?:word|phrase|code)|passwd|pwd|client[ _-]?secret|token|credentials?|recovery code|seed phrase)s?['\"]?"
    r"(?:\s+(?:for|of|to|on)(?:\s+[^\s:=]+){1,5}?)?\s*(?::|=|\bis\b|\bare\b)\s*['\"`]?(?P<value>[^\s'\"`,;]{6,})",
    re.IGNORECASE,
)
_VALUE = re.compile(r"(?=.*\d)(?=.*[^\d\s])\S{6,}|\d{6,}|(?=.*[A-Z])(?=.*[a-z])(?=.*[^\w\s.])\S{8,}")
# What somebody calls theirs, in whatever words: too wide to refuse a memory for, wide enough to say it to nobody again.
_OWN = re.compile(
    r"\b(?:my|our|the|his|her|their|[^\W\d_]{2,30}'s)\s+(?:[^\s.,;:=?!]{1,30}\s+){0,3}?"
    r"(?:(?P<word>pass ?(?:word|code)|passwd|pwd|recovery code|secret word)|"
    r"(?P<words>(?:pass|seed |secret |recovery )phrase)|"
    r"(?P<digits>pin|cvv|cvc|security code|(?:credit |debit |bank )?card)(?:[ -]?(?:code|number))?)"
    r"(?:\s+(?:for|of|to|on)(?:\s+[^\s.,;:=?!]{1,30}){1,5}?)?\s*(?::|=|\bis\b|\bwas\b)\s*(?:now\s+)?['\"`]?"
    r"(?P<value>(?(words)[^.,;!?\n]{3,}|[^\s'\"`,;]{2,}(?:[ -]\d+)*))",
    re.IGNORECASE,
)
# One of these stands in whatever the patterns of names find, and in addresses with a password.
_WORDS = (
    "pass", "key", "token", "secret", "pwd", "credential", "recovery", "phrase", "pin", "cvv", "cvc", "security",
    "card", "://",
)  # fmt: skip
_CARD_DIGITS = 13
_LEAST = 3
_SAYS_NOTHING = re.compile(
    r"(?:lost|gone|wrong|bad|good|fine|new|old|not|too|very|so|really|always|never|the|that|what|where|in|"
    r"on|at|with|stored|saved|kept|written|safe|secure|strong|weak|long|short|simple|easy|hard|unique|random|expired|"
    r"changed|blocked|locked|leaked|stolen|forgotten|missing|empty|needed|required|asked|set|being|still|also|only|"
    r"no|valid|invalid|due|here|there|known|unknown)\b",
    re.IGNORECASE,
)
# Tokens of services that the library does not know (yet), each with a prefix of its own.
_PREFIXED = (
    ("OpenAI key", re.compile(r"\bsk-(?!ant-)(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}")),
    ("Anthropic key", re.compile(r"\bsk-ant-[A-Za-z0-9_-]{16,}")),
    ("Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("GitHub token", re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,}")),
    ("Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("Groq key", re.compile(r"\bgsk_[A-Za-z0-9]{40,}")),
    ("xAI key", re.compile(r"\bxai-[A-Za-z0-9]{40,}")),
    ("AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("password in a URL", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:(?P<secret>[^\s/:@]{3,})@")),
)
_PLUGINS = (
    "artifactory.ArtifactoryDetector",
    "aws.AWSKeyDetector",
    "azure_storage_key.AzureStorageKeyDetector",
    "discord.DiscordBotTokenDetector",
    "github_token.GitHubTokenDetector",
    "gitlab_token.GitLabTokenDetector",
    "jwt.JwtTokenDetector",
    "mailchimp.MailchimpDetector",
    "npm.NpmDetector",
    "openai.OpenAIDetector",
    "pypi_token.PypiTokenDetector",
    "sendgrid.SendGridDetector",
    "slack.SlackDetector",
    "square_oauth.SquareOAuthDetector",
    "stripe.StripeDetector",
    "telegram_token.TelegramBotTokenDetector",
    "twilio.TwilioKeyDetector",
    "private_key.PrivateKeyDetector",
)


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that should stay secret, and where it stands."""

    kind: str
    """What it is, for a sentence: `GitHub token`."""
    start: int
    end: int


class SecretRefusedError(RefusedError):
    """A text that holds a secret is not written without an explicit yes."""

    def __init__(self, kinds: list[str]) -> None:
        self.kinds = kinds
        super().__init__(
            f"It was not written to memory: it seems to hold {listed(kinds)}.",
            hint="Leave the secret out, or say explicitly that it may be kept (--allow-secret).",
        )

    @property
    def told(self) -> str:
        """What a model is told."""
        return (
            f"{self.message} Nothing was stored: the person has to say yes explicitly (lra memory add --allow-secret)."
        )


def find_secrets(text: str) -> list[Secret]:
    """Return the secrets in a text, in order, without overlaps; loads the detectors when there may be any."""
    return _apart(_all(text))


def kinds_of(text: str) -> list[str]:
    """Return what kinds of secrets a text holds."""
    return list(dict.fromkeys(secret.kind for secret in find_secrets(text)))


def masked(text: str) -> str:
    """Return a text with every secret replaced by `[secret]`."""
    return _without(text, find_secrets(text))


def repeatable(text: str) -> str:
    """Return what was said as others may hear it again: without secrets, nor what somebody called their password.

    More is taken for a secret here than where a memory is refused: a word too many is only not repeated.
    """
    if not _may_hold(text):
        return text
    own = [
        Secret("password", match.start("value"), match.end("value"))
        for match in _OWN.finditer(text)
        if not _SAYS_NOTHING.match(match["value"])
        and len(re.findall(r"\d" if match["digits"] else r"\S", match["value"])) >= _LEAST
    ]
    return _without(text, _apart([*find_secrets(text), *own])) if own else masked(text)


def _may_hold(text: str) -> bool:
    """Tell whether any of the patterns could find something: most texts are told at a glance to hold nothing."""
    lower = text.lower()
    return (
        any(word in lower for word in _WORDS)
        or _WORTH_A_LOOK.search(text) is not None
        or sum(map(str.isdigit, text)) >= _CARD_DIGITS
    )


def _apart(secrets: Iterable[Secret]) -> list[Secret]:
    """Return secrets in order, of those that overlap the first and longest."""
    kept: list[Secret] = []
    for secret in sorted(secrets, key=lambda secret: (secret.start, -secret.end)):
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
    return kept


def _without(text: str, secrets: Iterable[Secret]) -> str:
    parts: list[str] = []
    at = 0
    for secret in secrets:
        parts += [text[at : secret.start], MARK]
        at = secret.end
    return "".join([*parts, text[at:]])


def _all(text: str) -> Iterator[Secret]:
    for match in _BLOCK.finditer(text):
        yield Secret("private key", *match.span())
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if 13 <= len(digits) <= 19 and _CARD_STARTS.match(digits) and len(set(digits)) > 1 and _luhn(digits):
            yield Secret("card number", *match.span())
    for kind, pattern in _PREFIXED:
        for match in pattern.finditer(text):
            yield Secret(kind, *(match.span("secret") if "secret" in match.groupdict() else match.span()))
    if _WORTH_A_LOOK.search(text):
        yield from _by_library(text)
    # Last, since of equal finds the first gives the name.
    for match in _NAMED.finditer(text):
        if _VALUE.fullmatch(match["value"].rstrip(".!?)")):
            yield Secret(f"{match['name'].lower().replace('_', ' ')}", *match.span("value"))


def _by_library(text: str) -> Iterator[Secret]:
    start = 0
    for line in text.splitlines(keepends=True):
        # A token is short; a page on one line is looked at piece by piece.
        for plugin in _detectors() if _WORTH_A_LOOK.search(line) else ():
            for value in plugin.analyze_string(line):
                at = line.find(str(value)) if value else -1
                if at >= 0:
                    # Some patterns give a part of the token alone.
                    run = next(run for run in _RUN.finditer(line) if run.end() > at)
                    yield Secret(_named(plugin.secret_type), start + min(at, run.start()), start + run.end())
        start += len(line)


@lru_cache(1)
def _detectors() -> tuple[BasePlugin, ...]:
    from importlib import import_module

    found = []
    for name in _PLUGINS:
        module, _, cls = name.partition(".")
        found.append(getattr(import_module(f"detect_secrets.plugins.{module}"), cls)())
    return tuple(found)


def _named(kind: str) -> str:
    return {"Private Key": "private key", "JSON Web Token": "JSON web token"}.get(kind, kind)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def listed(kinds: list[str]) -> str:
    """Return kinds of secrets for a sentence: `a password and an OpenAI key`."""
    named = [f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}" for kind in kinds]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
