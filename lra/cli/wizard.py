"""The questions of `lra init` on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lra.cli.envfile import PROVIDERS, Plan
from lra.cli.notices import ask, ask_secret, say

if TYPE_CHECKING:
    from lra.config import Settings

_MODELS = (
    ("openai", "OpenAI"),
    ("anthropic", "Anthropic"),
    ("google", "Google"),
    ("other", "another provider"),
    ("server", "a server that speaks OpenAI's API"),
    ("ollama", "Ollama on this machine"),
    ("offline", "none: the built-in offline model, which needs no account"),
)


def complete(plan: Plan, settings: Settings) -> None:
    """Ask for what the command line left open and put it into the plan."""
    if plan.provider is None and plan.model is None and plan.key is None:
        _ask_model(plan, settings)
    elif plan.key is None:
        _ask_key(plan, settings)
    if not plan.project_data:
        places = ("with you: the same memory from every folder", "in ./data: for this project alone")
        plan.project_data = _choose("Where should memory live?", places, default=1) == 2


def _ask_model(plan: Plan, settings: Settings) -> None:
    found = next((name for name in PROVIDERS if settings.provider_key(name)), None)
    names = tuple(name for _, name in _MODELS)
    default = next((i for i, (provider, _) in enumerate(_MODELS, 1) if provider == found), 0 if found else len(_MODELS))
    if found:
        say(f"A key for {found} is set already.")
    number = _choose("Which model should answer?", names, default=default or 4)
    plan.provider = _MODELS[number - 1][0]
    if plan.provider == "other":
        plan.provider = _ask_provider(found)
    elif plan.provider == "server":
        plan.provider = "openai"
        while not (plan.base_url or "").startswith(("http://", "https://")):
            plan.base_url = ask("Its URL, for example http://localhost:1234/v1:")
        plan.model = ask("Its model's name:") or None
    elif plan.provider == "ollama":
        plan.model = ask("Which of its models? [llama3.2]") or "llama3.2"
    _ask_key(plan, settings)


def _ask_provider(found: str | None) -> str:
    while True:
        answer = ask(f"Which one?{f' [{found}]' if found else ''}").lower() or found or ""
        if answer in PROVIDERS:
            return answer
        say(f"Known are {', '.join(PROVIDERS)}.")


def _ask_key(plan: Plan, settings: Settings) -> None:
    provider = plan.provider or (plan.model or "").partition(":")[0]
    if provider in {"", "offline", "ollama"} or provider not in PROVIDERS:
        return
    value = settings.provider_key(provider)
    # A key from elsewhere is not sent to a URL from this file, so a server of one's own needs its key here.
    if value is None or plan.base_url:
        say("The key stays in .env, readable by you alone, and is not shown while you type. Enter leaves it out.")
        plan.provider = provider
        plan.key = ask_secret(f"{plan.key_name}:") or None


def _choose(question: str, choices: Sequence[str], *, default: int) -> int:
    """Return the number of the choice taken."""
    say(question)
    for number, choice in enumerate(choices, 1):
        say(f"  {number}  {choice}")
    while True:
        answer = ask(f"1-{len(choices)} [{default}]:")
        if not answer:
            return default
        if answer.isdecimal() and len(answer) < 4 and 1 <= int(answer) <= len(choices):
            return int(answer)
        say(f"Type a number from 1 to {len(choices)}.")
