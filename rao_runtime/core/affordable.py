"""How long a completion the budget still affords."""

from decimal import ROUND_DOWN

from rao_runtime.core.budget import Remaining
from rao_runtime.core.pricing import MILLION, Price, Sheet
from rao_runtime.core.usage import Tokens

# Shorter than this a model cannot even call `finish`.
LEAST_COMPLETION = 64


def affordable_completion(left: Remaining, price: Sheet | None, prompt_tokens: int, wanted: int) -> int | None:
    """The most tokens, up to `wanted`, a completion after this prompt may have; None where it is not worth asking."""
    tokens = min(wanted, left.tokens - prompt_tokens)
    if isinstance(price, Price) and left.cost is not None and price.output > 0:
        money = left.cost - price.cost(Tokens(input=prompt_tokens))
        tokens = min(tokens, int((money * MILLION / price.output).to_integral_value(ROUND_DOWN)))
    return tokens if tokens >= min(wanted, LEAST_COMPLETION) else None
