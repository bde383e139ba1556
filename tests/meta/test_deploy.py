"""What operators copy works as it stands."""

from decimal import Decimal
from pathlib import Path

from rao_runtime.config import load
from rao_runtime.core.pricing import Price

EXAMPLE = Path(__file__).parents[2] / "deploy" / "rao.toml"


def test_the_example_settings_are_understood() -> None:
    settings = load({"config": EXAMPLE}, environ={})
    assert settings.warnings == ()
    assert len(settings.replicas) == 2
    price = settings.profile_for("Qwen/Qwen3-4B-Instruct-2507").price
    assert isinstance(price, Price)
    assert price.output == Decimal("0.20")
    assert settings.ceilings.max_nodes == 10_000
