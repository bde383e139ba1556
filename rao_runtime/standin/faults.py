"""The catalogue of faults: what a replica can do wrong, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from rao_runtime.standin.chance import chance


class Ending(Enum):
    """How a response ends once its (possibly cut) text is out."""

    PROPER = auto()
    ERROR_EVENT = auto()
    CLOSE = auto()
    HANG = auto()
    HALF_JSON = auto()
    GARBAGE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong.

    `status` answers at once with that error. Otherwise the response is made with a `share` of its chunks, `slowdown`
    times slower, with or without `usage`, and then ends as `ending` says. `silent`: not even headers are sent.
    """

    name: str
    status: int | None = None
    share: float = 1.0
    slowdown: float = 1.0
    usage: bool = True
    silent: bool = False
    ending: Ending = Ending.PROPER


HEALTHY = Fault(name="")

CATALOGUE: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(name="400", status=400),
        Fault(name="404", status=404),
        Fault(name="422", status=422),
        Fault(name="429", status=429),
        Fault(name="500", status=500),
        Fault(name="503", status=503),
        Fault(name="close_before_first", share=0, silent=True, ending=Ending.CLOSE),
        Fault(name="close_mid_stream", share=0.5, ending=Ending.CLOSE),
        Fault(name="error_in_stream", share=0.5, ending=Ending.ERROR_EVENT),
        Fault(name="garbage", share=0, silent=True, ending=Ending.GARBAGE),
        Fault(name="truncated_json", share=0.5, ending=Ending.HALF_JSON),
        Fault(name="hang", share=0, silent=True, ending=Ending.HANG),
        Fault(name="hang_after_headers", share=0, ending=Ending.HANG),
        Fault(name="hang_mid_stream", share=0.5, ending=Ending.HANG),
        Fault(name="slow", slowdown=10),
        Fault(name="no_usage", usage=False),
        Fault(name="empty", share=0),
    )
}


def drawn(rates: Mapping[str, float], seed: int, request_id: str) -> Fault:
    """The fault this request meets, HEALTHY mostly; the same one for the same seed, id and rates."""
    if not rates:
        return HEALTHY
    left = chance(seed, "fault", request_id)
    for name, rate in sorted(rates.items()):
        left -= rate
        if left < 0:
            return CATALOGUE[name]
    return HEALTHY
