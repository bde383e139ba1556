"""Every setting: its type, default, bounds and one sentence. Knows nothing of where values come from."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar, cast

from rao_runtime.config import kinds
from rao_runtime.config.built_in import BUILT_IN
from rao_runtime.config.kinds import Kind
from rao_runtime.core.limits import Ceilings
from rao_runtime.core.profile import Profile, ProtocolName
from rao_runtime.core.vllm_flags import served_name

T = TypeVar("T")
MIB = 1 << 20
DAY_S = 86_400.0


class LogLevel(StrEnum):
    """The least important log lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class PlacementName(StrEnum):
    """How the replica of a call is chosen."""

    AFFINITY = "affinity"  # a warm prefix against a lighter load
    LEAST = "least"  # the fewest calls in flight
    ROUND_ROBIN = "round_robin"  # one after the other


class OrderName(StrEnum):
    """Which of the waiting calls goes first."""

    TREE = "tree"  # priority, deadline, what ends work before what begins some
    ARRIVAL = "arrival"  # first come, first served


def _set(kind: Kind[T], default: T, doc: str, *, secret: bool = False) -> T:
    return field(default=default, repr=not secret, metadata={"kind": kind, "doc": doc})


def _maybe(kind: Kind[T], doc: str, *, absent: str, secret: bool = False) -> T | None:
    return field(default=None, repr=not secret, metadata={"kind": kind, "doc": doc, "absent": absent})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator can set. Durations end in `_s` and are seconds; sizes end in `_bytes`."""

    replicas: tuple[str, ...] = _set(kinds.urls(), (), "Base URLs of the model servers.")
    local_replicas: int = _set(
        kinds.whole(0, 64), 0, "vLLM servers of `model` that are started on this machine and end with this process."
    )
    vllm_command: tuple[str, ...] = _set(
        kinds.words(1), ("vllm", "serve"), "What starts one of them; the model, a port and flags are added."
    )
    vllm_flags: tuple[str, ...] = _set(
        kinds.words(), (), "Further flags for each of them; they win over those that are given anyway."
    )
    embedded_engines: int | None = _maybe(
        kinds.whole(0, 64),
        "Cores on which rao-nano, a small model in this process, answers where there is no replica; 0 turns it off.",
        absent="all of this machine, at most 4",
    )
    replica_api_key: str | None = _maybe(
        kinds.text(), "Sent to replicas as a bearer token.", absent="none is sent", secret=True
    )
    replica_vllm_fields: bool = _set(
        kinds.flag(), default=True, doc="Send fields only vLLM knows; turn off for servers that refuse unknown fields."
    )
    replica_slots: int = _set(kinds.whole(1, 100_000), 256, "Calls in flight per replica; further ones wait here.")
    placement: PlacementName = _set(
        kinds.one_of(PlacementName),
        PlacementName.AFFINITY,
        "How a replica is chosen; all but `affinity` are there to compare with.",
    )
    prime: bool = _set(
        kinds.flag(), default=True, doc="Have a replica read the system prompt, and write one token, before all else."
    )
    order: OrderName = _set(
        kinds.one_of(OrderName),
        OrderName.TREE,
        "Which waiting call goes first: `tree` knows trees and tenants, `arrival` is there to compare with.",
    )
    model: str | None = _maybe(kinds.text(), "Model of tasks that name none.", absent="the first that a replica serves")
    protocol: ProtocolName = _set(
        kinds.one_of(ProtocolName), ProtocolName.RAO, "How models write code, where a profile does not say."
    )
    redis_url: str | None = _maybe(
        kinds.store_url(),
        "Redis or Valkey that keeps the trees, shared by all servers and workers; `memory://` keeps them in this"
        " process, and they end with it.",
        absent="one of our own is started, in `data_dir`",
        secret=True,
    )
    redis_prefix: str = _set(kinds.text(), "rao", "First part of every key in Redis.")
    data_dir: str = _set(kinds.text(), "rao-data", "Folder of our own store, where `redis_url` is not set.")
    worker: bool = _set(
        kinds.flag(), default=True, doc="Run trees in this process; off, it only answers for them (needs `redis_url`)."
    )
    host: str = _set(kinds.text(), "127.0.0.1", "Address to listen on.")
    port: int = _set(kinds.whole(0, 65_535), 8000, "Port to listen on; 0 lets the system choose.")
    log_level: LogLevel = _set(kinds.one_of(LogLevel), LogLevel.INFO, "The least important log lines to write.")
    trace_url: str | None = _maybe(
        kinds.trace_url(),
        "Where a trace can be looked at, `{trace_id}` in place of its id: trees link there. Where spans go is for"
        " OpenTelemetry's own variables.",
        absent="no link",
    )
    sync_wait_s: float = _set(kinds.number(0, 3_600), 50.0, "How long `POST /solve` waits before it answers 202.")
    drain_s: float = _set(kinds.number(0, 600), 8.0, "How long a stopping server waits for streams and trees to end.")
    max_context_bytes: int = _set(kinds.whole(1, 1 << 30), 8 * MIB, "Largest `context` of a task.")
    max_active_trees: int = _set(kinds.whole(1), 1_000, "Trees that run at once; further ones queue.")
    max_queued_trees: int = _set(kinds.whole(0), 10_000, "Trees that queue; further ones get a 503.")
    retain_trees: int = _set(kinds.whole(0), 1_000, "Finished trees that are kept.")
    retain_nodes: int = _set(
        kinds.whole(1),
        20_000,
        "Nodes of finished trees that are kept, some 60 KB each in memory; the oldest trees go first.",
    )
    retain_s: float = _set(kinds.number(0), DAY_S, "How long a finished tree is kept.")
    usage_kept_s: float = _set(
        kinds.number(DAY_S),
        400 * DAY_S,
        "How long the ledger keeps records of single attempts; its sums stay for ever.",
    )
    connect_timeout_s: float = _set(kinds.number(0.001), 5.0, "For a connection to a replica.")
    first_token_timeout_s: float = _set(
        kinds.number(0.001), 120.0, "For a completion's first token, queueing included."
    )
    inter_token_timeout_s: float = _set(kinds.number(0.001), 60.0, "For each further token.")
    sandbox_workers: int | None = _maybe(
        kinds.whole(1, 1_024), "Processes that run cells.", absent="one for each processor core, at least 4"
    )
    sandbox_memory_bytes: int = _set(
        kinds.whole(MIB),
        64 * MIB,
        "Memory of one cell, at least four times `max_context_bytes` and 16 MiB; raised with it where not set.",
    )
    cell_s: float = _set(kinds.number(0.001), 10.0, "Execution time of one cell; waiting for children does not count.")
    output_chars: int = _set(kinds.whole(100), 16_000, "Characters of a cell's output that its model is shown.")
    ceilings: Ceilings = Ceilings()
    profiles: tuple[Profile, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether the model in this process answers."""
        return self.worker and not self.replicas and not self.local_replicas and self.embedded_engines != 0

    @property
    def default_model(self) -> str | None:
        """The model of tasks that name none: `model`, by the name that local replicas know it."""
        if self.model is None or not self.local_replicas:
            return self.model
        return served_name(self.model, self.vllm_flags)

    @property
    def in_memory(self) -> bool:
        """Whether trees end with this process."""
        return self.redis_url == kinds.MEMORY_URL

    @property
    def shared_store(self) -> str | None:
        """The URL of a store that other servers and workers may use too."""
        return None if self.in_memory else self.redis_url

    def profile_for(self, model: str) -> Profile:
        """The operator's profile of this model, or one that comes with it, or a default one."""
        for profile in (*self.profiles, *BUILT_IN):
            if profile.model == model:
                return profile
        return Profile(model=model, protocol=self.protocol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. `table` is its TOML table, `absent` what holds where it is None by default."""

    name: str
    table: str
    env: str
    default: Any
    kind: Kind[Any]
    doc: str
    absent: str = ""
    secret: bool = False


def describe() -> Iterator[Setting]:
    """Every setting, in the order to read them."""
    for entry in fields(Settings):
        if "kind" in entry.metadata:
            yield Setting(
                name=entry.name,
                table="server",
                env=f"RAO_{entry.name.upper()}",
                default=entry.default,
                kind=entry.metadata["kind"],
                doc=entry.metadata["doc"],
                absent=entry.metadata.get("absent", ""),
                secret=not entry.repr,
            )
    yield from _ceilings()


def _ceilings() -> Iterator[Setting]:
    for entry in fields(Ceilings):
        kind = kinds.number(0.001) if entry.name == "deadline_s" else kinds.whole(1 - (entry.name == "max_depth"))
        yield Setting(
            name=f"ceiling_{entry.name}",
            table="server.ceilings",
            env=f"RAO_CEILING_{entry.name.upper()}",
            default=entry.default,
            kind=cast("Kind[Any]", kind),
            doc=f"The highest `limits.{entry.name}` a client may ask for.",
        )
