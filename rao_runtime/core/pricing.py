"""A price sheet turns what an attempt used into money. Knows no currency but the US dollar.

Every amount is a whole number of 1e-12 USD: prices have at most six decimals, and so have GPU-seconds. So sums of
amounts are exact, in whatever order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from rao_runtime.core.usage import Tokens

MILLION = Decimal(1_000_000)
PICO = Decimal("1e-12")
# Enough digits for whatever a replica says that it used: the default context would round after 28 without a word.
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)


def in_pico(cost: Decimal) -> int:
    """An amount in 1e-12 USD. Journals of versions that allowed finer prices may have finer ones: those are rounded."""
    return int(_EXACT.to_integral_value(_EXACT.scaleb(cost, 12)))


def from_pico(n: int) -> Decimal:
    """The amount in USD of `n` times 1e-12 USD: the inverse of `in_pico`."""
    return Decimal(n).scaleb(-12, _EXACT)


def amount(cost: Decimal) -> str:
    """Money as a plain decimal string, without an exponent."""
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens; cached input has its own price. `version` names the sheet on every amount.

    `since` is when it comes into force, in epoch seconds; None for ever.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal
    version: str
    since: float | None = None

    def cost(self, tokens: Tokens, gpu_s: float = 0.0) -> Decimal:  # noqa: ARG002 - any sheet is asked with both
        """What these tokens cost, exactly: sums of amounts equal the amount of sums."""
        fresh = tokens.input - tokens.cached
        return (fresh * self.input + tokens.cached * self.cached_input + tokens.output * self.output) / MILLION

    def as_dict(self) -> dict[str, Any]:
        """As a journal and `GET /models` show it, without its date."""
        per_million = {
            "input": amount(self.input),
            "cached_input": amount(self.cached_input),
            "output": amount(self.output),
        }
        return {"version": self.version, "per_million": per_million}


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuPrice:
    """USD per GPU-second of a replica that has `gpus` of them. `version` and `since` as in `Price`.

    An attempt pays its share of its replica's busy time, so that nothing is known of its cost before it has ended.
    """

    gpu_second: Decimal
    gpus: int = 1
    version: str
    since: float | None = None

    def gpu_s(self, share_s: float) -> float:
        """GPU-seconds of a share in the replica's busy time, in whole microseconds."""
        return round(share_s * self.gpus, 6)

    def cost(self, tokens: Tokens, gpu_s: float = 0.0) -> Decimal:  # noqa: ARG002 - as above
        """What these GPU-seconds cost, rounded half-even to 1e-12 USD; nothing to round for whole microseconds."""
        return (Decimal(str(gpu_s)) * self.gpu_second).quantize(PICO, ROUND_HALF_EVEN)

    def as_dict(self) -> dict[str, Any]:
        """As a journal and `GET /models` show it, without its date."""
        return {"version": self.version, "gpu_second": amount(self.gpu_second), "gpus": self.gpus}


Sheet = Price | GpuPrice


def sheet_from(told: Mapping[str, Any] | None) -> Sheet | None:
    """The sheet that `as_dict` told of."""
    if told is None:
        return None
    version = told["version"]
    if "gpu_second" in told:
        return GpuPrice(gpu_second=Decimal(told["gpu_second"]), gpus=told["gpus"], version=version)
    per_million = told["per_million"]
    return Price(
        input=Decimal(per_million["input"]),
        cached_input=Decimal(per_million["cached_input"]),
        output=Decimal(per_million["output"]),
        version=version,
    )


def why_no_cap(model: str, price: Sheet | None) -> str | None:
    """Why `max_cost` cannot be kept with this model, None where it can: what a call costs must be known before it."""
    match price:
        case Price():
            return None
        case GpuPrice():
            return (
                f"cannot be kept with {model}: it is priced by GPU-seconds (sheet {price.version}), and how many a "
                "call takes is known only once it has ended. Limit max_tokens or deadline_s instead"
            )
        case None:
            return f"needs a model with a price, and {model} has none in force. Limit max_tokens or deadline_s instead"
