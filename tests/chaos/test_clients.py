"""Fifty clients that hang up and come back as they please, while the server dies under them, miss nothing.

`python -m tests.chaos --clients --seed N` runs one of these alone.
"""

from collections.abc import Callable

import pytest

from tests.chaos.clients_run import run_clients
from tests.chaos.conftest import NOTE


@pytest.mark.parametrize("seed", range(2))
async def test_every_client_is_told_every_event_once_and_in_order(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    report = await run_clients(seed)
    record_property(NOTE, str(report))
    assert report.clients == 50
    assert report.drops > 50
