"""What a request will cost at most, and what one has cost, from Pydantic AI's price data."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lra.store.spending import Spent

if TYPE_CHECKING:
    from genai_prices import Usage
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model

_PER = 1_000
"""Tokens asked for; prices per token are too small to be exact."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token."""

    input: float
    output: float


def price_of(model: Model) -> Price | None:
    """Return a model's prices, zero for the offline model, None when they are unknown."""
    if model.system == "lra":
        return Price(0.0, 0.0)
    from genai_prices import Usage

    entry, answer = _ask(model, Usage(input_tokens=_PER)), _ask(model, Usage(output_tokens=_PER))
    if entry is None or answer is None:
        return None
    return Price(entry / _PER, answer / _PER)


def spent_on(response: ModelResponse, model: Model) -> Spent:
    """Return what one request took; reads price data, so call it off the event loop."""
    usage, price = response.usage, price_of(model)
    return Spent(
        requests=1,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost=price.input * usage.input_tokens + price.output * usage.output_tokens if price else None,
    )


def _ask(model: Model, usage: Usage) -> float | None:
    from genai_prices import calc_price

    # The URL says more exactly whose prices apply; the provider's name is the second guess.
    if url := _base_url(model):
        with suppress(LookupError, ValueError):
            return float(calc_price(usage, model.model_name, provider_api_url=url).total_price)
    with suppress(LookupError, ValueError):
        return float(calc_price(usage, model.model_name, provider_id=model.system).total_price)
    return None


def _base_url(model: Model) -> str | None:
    try:
        return model.base_url
    except Exception:
        # Some providers have no base URL and raise their own error for it; the price is then found by name.
        return None
