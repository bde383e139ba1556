"""The flags a vLLM of ours is started with: what the operator gives, and beside it what the pool needs."""

from collections.abc import Iterator, Mapping, Sequence

# Each is there in vLLM 0.32 and says what the pool wants of it:
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "scheduling-policy": ("priority",),  # calls that wait inside vLLM keep our order
    "enable-prompt-tokens-details": (),  # tells cached tokens
    "enable-force-include-usage": (),  # every stream tells its usage as it grows
    "enable-request-id-headers": (),  # answers can be found in vLLM's own log
    "disable-uvicorn-access-log": (),  # calls and probes are logged here already
    "shutdown-timeout": ("30",),  # ended by somebody else, it finishes its calls first
}

# What is not for these flags to say, and who says it.
_CHOSEN = "is chosen for each replica"
OURS: Mapping[str, str] = {
    "host": _CHOSEN,
    "port": _CHOSEN,
    "uds": _CHOSEN,
    # A key that only the replica knew would have it refuse every call.
    "api-key": "is for RAO_REPLICA_API_KEY to say: replicas and our calls to them then have the same",
}

_SHORT = {
    "-tp": "tensor-parallel-size",
    "-pp": "pipeline-parallel-size",
    "-dp": "data-parallel-size",
}
_PARALLEL = frozenset(_SHORT.values())


def all_flags(given: Sequence[str]) -> tuple[str, ...]:
    """The operator's flags after those of ours that they leave open.

    They are the same flag whether written `--some-x`, `--some_x`, `--some-x=v` or `--no-some-x`.
    """
    names = frozenset(_plain(name) for name, _ in _read(given))
    ours = (part for name, values in DEFAULTS.items() if name not in names for part in (f"--{name}", *values))
    return (*ours, *given)


def refused(given: Sequence[str]) -> str | None:
    """What is wrong with the first flag that is not the operator's to give here, in words that begin with it."""
    return next((f"--{name} {OURS[name]}" for name, _ in _read(given) if name in OURS), None)


def devices_wanted(given: Sequence[str]) -> int:
    """How many GPUs one vLLM with these flags uses: the product of its parallel sizes."""
    sizes = {name: value for name, value in _read(given) if name in _PARALLEL}
    wanted = 1
    for value in sizes.values():
        wanted *= int(value) if value.isdecimal() and int(value) else 1
    return wanted


def served_name(model: str, given: Sequence[str]) -> str:
    """The name by which a vLLM of this model and these flags knows it; the first, where there are several."""
    names = [value for name, value in _read(given) if name == "served-model-name" and value]
    return names[-1] if names else model


def _read(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each flag's long name, in dashes, and its first value, "" where it has none."""
    for at, word in enumerate(given):
        if not word.startswith("-"):
            continue
        flag, equals, value = word.partition("=")
        following = given[at + 1] if at + 1 < len(given) else "-"
        name = _SHORT.get(flag, flag.lstrip("-").replace("_", "-"))
        yield name, value if equals else "" if following.startswith("-") else following


def _plain(name: str) -> str:
    return name.removeprefix("no-")
