"""What a client says about how it wants its answer: `Prefer` (RFC 7240), `Accept`, `Idempotency-Key`, `traceparent`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers

from rao_runtime.core.errors import Fault
from server.problems import MALFORMED, refusal

WAIT = re.compile(r"[0-9]{1,9}")
KEY = re.compile(r"[\x21-\x7e]{1,255}")
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
EVENTS = "text/event-stream"
JSON = "application/json"
CSV = "text/csv"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits for a tree to end: `wait_s` seconds at most, none with `respond_async` alone."""

    respond_async: bool = False
    wait_s: int | None = None

    def seconds(self, most_s: float) -> float:
        """The time to wait, given the most the server waits."""
        if self.wait_s is not None:
            return min(float(self.wait_s), most_s)
        return 0.0 if self.respond_async else most_s

    def applied(self, most_s: float) -> dict[str, str]:
        """`Preference-Applied`, naming what was honoured."""
        names = ["respond-async"] if self.respond_async else []
        if self.wait_s is not None:
            names.append(f"wait={int(self.seconds(most_s))}")
        return {"Preference-Applied": ", ".join(names)} if names else {}


def patience(headers: Headers) -> Patience:
    """What `Prefer` asks for; what it does not understand it ignores, as the RFC says. The first of a name counts."""
    asked = dict[str, str]()
    for item in _items(headers.getlist("prefer")):
        name, _, value = item.split(";")[0].partition("=")
        asked.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = asked.get("wait", "")
    return Patience("respond-async" in asked, int(wait) if WAIT.fullmatch(wait) else None)


def wants_events(headers: Headers) -> bool:
    """Whether `Accept` names the event stream, and JSON not before it."""
    return _prefers(headers, EVENTS)


def wants_csv(headers: Headers) -> bool:
    """Whether `Accept` names CSV, and JSON not before it."""
    return _prefers(headers, CSV)


def _prefers(headers: Headers, other: str) -> bool:
    weights = dict[str, float]()
    for item in _items(headers.getlist("accept")):
        media_type, *parameters = (part.strip().lower() for part in item.split(";"))
        weights.setdefault(media_type, _weight(parameters))
    order = list(weights)
    wanted, json = weights.get(other, 0.0), weights.get(JSON, 0.0)
    return wanted > json or (wanted == json > 0 and order.index(other) < order.index(JSON))


def idempotency_key(headers: Headers) -> str | None:
    """The key, if there is one. Raises Refused for one that is not 1 to 255 visible ASCII characters."""
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not KEY.fullmatch(key):
        wrong = Fault(("header", "Idempotency-Key"), "1 to 255 visible ASCII characters, without spaces")
        raise refusal(MALFORMED, f"Idempotency-Key: {wrong.msg}", [wrong])
    return key


def traceparent(headers: Headers) -> str | None:
    """The caller's trace context where it is valid; an invalid one is ignored, as W3C says."""
    value = headers.get("traceparent", "").strip()
    return value if TRACEPARENT.fullmatch(value) else None


def _items(values: Sequence[str]) -> Iterator[str]:
    return (item.strip() for value in values for item in value.split(",") if item.strip())


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if re.fullmatch(r"[01](\.[0-9]{0,3})?", value) else 0.0
    return 1.0
