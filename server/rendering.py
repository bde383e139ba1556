"""Values to JSON: fast for what is usual, right for what is not."""

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

import orjson
from starlette.responses import JSONResponse


def encode(value: object) -> bytes:
    """One line of JSON. NaN and infinities become null, as JSON has none."""
    try:
        return orjson.dumps(value, default=_plain)
    except orjson.JSONEncodeError:
        # Integers over 64 bits, lone surrogates, nesting over 254: a model may answer with any of them.
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False).encode()


class Json(JSONResponse):
    """A JSON answer."""

    def render(self, content: object) -> bytes:
        """The body."""
        return encode(content)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_finite(each) for each in cast("Sequence[object]", value)]
    return _plain(value) if isinstance(value, Decimal) else value
