"""What is known of a model: how it is talked to, what it holds, what it costs. Knows nothing of where it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import ceil
from typing import Any, Self

from rao_runtime.core.pricing import Sheet
from rao_runtime.core.task import Sampling


class ProtocolName(StrEnum):
    """How a model marks the code of a turn: RAO's own tags, or fenced blocks for ordinary instruct models."""

    RAO = "rao"
    MARKDOWN = "markdown"


class PromptVersion(StrEnum):
    """Which prompt a model is sent: the full one, or the short one that small models are trained on."""

    FULL = "1"
    NANO = "nano"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSampling:
    """How one completion is drawn, every value set. `max_tokens` bounds the completion."""

    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One model.

    `window` is its context length in tokens, None until a replica has told. `bytes_per_token` is for estimates made
    before a replica counts. `options` are extra fields of every request body; `stop` are extra stop strings. `price` is
    the sheet in force as long as none of `prices` is, which come one after the other, by `since`; None for no price.
    """

    model: str
    protocol: ProtocolName = ProtocolName.RAO
    prompt: PromptVersion = PromptVersion.FULL
    window: int | None = None
    bytes_per_token: float = 3.0
    sampling: CallSampling = CallSampling()
    price: Sheet | None = None
    prices: tuple[Sheet, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stop: tuple[str, ...] = ()

    def sampling_for(self, asked: Sampling) -> CallSampling:
        """What a task asked for, completed with this profile's defaults."""
        mine = self.sampling
        return CallSampling(
            temperature=mine.temperature if asked.temperature is None else asked.temperature,
            top_p=mine.top_p if asked.top_p is None else asked.top_p,
            max_tokens=mine.max_tokens if asked.max_tokens is None else asked.max_tokens,
        )

    def price_at(self, now: float) -> Sheet | None:
        """The sheet in force at this time (epoch s)."""
        begun = [sheet for sheet in self.prices if sheet.since is None or sheet.since <= now]
        return begun[-1] if begun else self.price

    def priced(self, sheet: Sheet | None) -> Self:
        """This profile with one sheet for all times."""
        return replace(self, price=sheet, prices=())

    def estimated_tokens(self, size_bytes: int) -> int:
        """About how many tokens that many bytes of UTF-8 text are, rounded up."""
        return ceil(size_bytes / self.bytes_per_token)
