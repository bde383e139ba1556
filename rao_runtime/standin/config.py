"""What a stand-in serves and how fast: everything that can be set, at the start or while it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rao_runtime.standin.faults import CATALOGUE


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInConfig:
    """One replica's settings. Raises ValueError for values that make no sense.

    `slots` requests run at once; up to `queue_limit` more wait (None: no limit), the rest get a 503. With a KV cache,
    where requests may wait though slots are free, the limit is on all that run and wait: the sum of both numbers. A
    completion of n tokens takes `first_token_s` + (n - 1) x `per_token_s`, all of it scaled by a factor between
    1 - `jitter` and 1 + `jitter`, and arrives in chunks of `chunk_tokens`. `faults` maps names of the catalogue to the
    share of requests they hit.

    With `kv_blocks` there is a KV cache of so many blocks of `block_size` tokens, fixed at the start; it must hold a
    whole window. Prompts are then read at `prefill_tokens_per_s` (None: at once) in steps of `prefill_chunk_tokens`,
    before `first_token_s` begins. `time_scale` stretches all of these times. A connection that is idle for
    `keep_alive_s` is closed (None: never); this is real time.
    """

    models: tuple[str, ...] = ("stand-in",)
    window: int = 32_768
    slots: int = 256
    queue_limit: int | None = None
    first_token_s: float = 0.0
    per_token_s: float = 0.0
    jitter: float = 0.0
    chunk_tokens: int = 32
    chars_per_token: int = 4
    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict[str, float])
    kv_blocks: int | None = None
    block_size: int = 16
    prefill_tokens_per_s: float | None = None
    prefill_chunk_tokens: int = 2048
    time_scale: float = 1.0
    keep_alive_s: float | None = None

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("models: name at least one")
        for name in ("window", "slots", "chunk_tokens", "chars_per_token", "block_size", "prefill_chunk_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1")
        for name in ("first_token_s", "per_token_s", "time_scale"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: must not be negative")
        if self.queue_limit is not None and self.queue_limit < 0:
            raise ValueError("queue_limit: must not be negative")
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter: must lie between 0 and 1")
        self._check_cache()
        self._check_faults()

    def _check_cache(self) -> None:
        for name in ("prefill_tokens_per_s", "keep_alive_s"):
            value: float | None = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name}: must be more than 0")
        if self.kv_blocks is None:
            if self.prefill_tokens_per_s is not None:
                raise ValueError("prefill_tokens_per_s: needs kv_blocks")
        elif self.kv_blocks * self.block_size < self.window:
            raise ValueError(
                f"kv_blocks: {self.kv_blocks} blocks of {self.block_size} tokens do not hold a window of {self.window}"
            )

    def _check_faults(self) -> None:
        for name, rate in self.faults.items():
            if name not in CATALOGUE:
                raise ValueError(f"faults: no fault is called {name!r}; there are {', '.join(CATALOGUE)}")
            if not 0 <= rate <= 1:
                raise ValueError(f"faults: the rate of {name} must lie between 0 and 1")
        if sum(self.faults.values()) > 1 + 1e-9:
            raise ValueError("faults: the rates add up to more than 1")


_ADAPTER = TypeAdapter(StandInConfig)
_NAMES = frozenset(entry.name for entry in fields(StandInConfig))


def of_options(options: object, *, models: Sequence[str], faults: Sequence[str]) -> StandInConfig:
    """The settings of a command line, whose options are called as the fields; each of `faults` is `NAME=RATE`.

    Raises ValueError for what makes no sense.
    """
    given: dict[str, Any] = {name: getattr(options, name) for name in _NAMES if hasattr(options, name)}
    return StandInConfig(**given, models=tuple(models), faults=dict(map(_rate, faults)))


def _rate(text: str) -> tuple[str, float]:
    name, _, rate = text.partition("=")
    try:
        return name, float(rate or 1)
    except ValueError:
        raise ValueError(f"--fault {text!r} is not NAME=RATE, a rate from 0 to 1") from None


def changed(config: StandInConfig, changes: Mapping[str, Any]) -> StandInConfig:
    """The settings with these fields (JSON values) replaced. Raises ValueError for a field or value that is none."""
    if unknown := changes.keys() - _NAMES:
        raise ValueError(f"no setting is called {', '.join(sorted(unknown))}")
    current = {name: getattr(config, name) for name in _NAMES}
    try:
        return _ADAPTER.validate_python({**current, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ValueError(": ".join([*map(str, first["loc"]), first["msg"]])) from error
