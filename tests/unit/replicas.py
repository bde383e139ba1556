"""A replica of the API, as a test wants it."""

from typing import Any


def replica(**changes: object) -> dict[str, Any]:
    """One that is ready, with these fields changed."""
    return {
        "id": "r1",
        "name": "http://a:8001",
        "state": "ready",
        "why": None,
        "models": [{"id": "m", "window": 32_768}],
        "slots": 256,
        "in_flight": 3,
        "version": "0.33.0",
        "kv": {"tokens": None, "usage": None},
        "running": 2,
        "waiting": 1,
        "missing": [],
        "managed": False,
        **changes,
    }
