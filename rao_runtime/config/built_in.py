"""Profiles of models that come with the project: nobody has to describe them, wherever they are served."""

from decimal import Decimal

from rao_runtime.core.pricing import Price
from rao_runtime.core.profile import CallSampling, Profile, PromptVersion

RAO_NANO = Profile(
    model="rao-nano",
    prompt=PromptVersion.NANO,
    window=1024,
    bytes_per_token=2.3,
    sampling=CallSampling(temperature=0.0, max_tokens=256),
    # Two cores at 0.08 USD an hour write some 4,000 tokens a second, and read ten times as many.
    price=Price(
        input=Decimal("0.0006"),
        cached_input=Decimal("0.0001"),
        output=Decimal("0.006"),
        version="rao-nano: two cores at 0.08 USD/h",
    ),
)

BUILT_IN = (RAO_NANO,)
