"""Profiles as TOML writes them: one `[[profiles]]` table a model, with `sampling` and prices inside."""

from collections.abc import Mapping
from typing import Any

from rao_runtime.config import kinds
from rao_runtime.config.errors import ConfigError
from rao_runtime.config.file import ConfigFile, as_table, check_names
from rao_runtime.config.kinds import Kind
from rao_runtime.config.prices import prices_of
from rao_runtime.config.tables import read_table, require
from rao_runtime.core.profile import CallSampling, Profile, PromptVersion, ProtocolName

PLAIN: Mapping[str, Kind[Any]] = {
    "model": kinds.text(),
    "protocol": kinds.one_of(ProtocolName),
    "prompt": kinds.one_of(PromptVersion),
    "window": kinds.whole(1),
    "bytes_per_token": kinds.number(0.1, 100),
    "options": kinds.table(),
    "stop": kinds.texts(),
}
SAMPLING: Mapping[str, Kind[Any]] = {
    "temperature": kinds.number(0),
    "top_p": kinds.number(0.000001, 1),
    "max_tokens": kinds.whole(1),
}


def profiles_of(file: ConfigFile, protocol: ProtocolName) -> tuple[Profile, ...]:
    """The file's profiles; `protocol` is that of those that name none. Raises ConfigError."""
    profiles = [_profile(raw, protocol, file.name) for raw in file.profiles]
    seen = set[str]()
    for profile in profiles:
        if profile.model in seen:
            raise ConfigError("profiles.model", file.name, f"{profile.model!r} has two profiles")
        seen.add(profile.model)
    return tuple(profiles)


def _profile(raw: Mapping[str, object], protocol: ProtocolName, file: str) -> Profile:
    check_names(raw, [*PLAIN, "sampling", "price", "prices"], "profiles", file)
    require(raw, ["model"], "profiles", file)
    plain = {name: value for name, value in raw.items() if name in PLAIN}
    values: dict[str, Any] = {"protocol": protocol, **read_table(plain, PLAIN, "profiles", file)}
    where = f"profiles[{values['model']}]"
    if "sampling" in raw:
        sampling = as_table(raw["sampling"], f"{where}.sampling", file)
        values["sampling"] = CallSampling(**read_table(sampling, SAMPLING, f"{where}.sampling", file))
    values["price"], values["prices"] = prices_of(raw, where, file)
    return Profile(**values)
