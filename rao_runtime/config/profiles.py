"""Profiles as TOML writes them: one `[[profiles]]` table a model, with `sampling` and `price` inside."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from rao_runtime.config import kinds
from rao_runtime.config.errors import ConfigError
from rao_runtime.config.file import ConfigFile, as_table, check_names
from rao_runtime.config.kinds import Kind
from rao_runtime.core.pricing import Price
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
PRICE: Mapping[str, Kind[Any]] = {
    "input": kinds.money(),
    "cached_input": kinds.money(),
    "output": kinds.money(),
    "version": kinds.text(),
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
    check_names(raw, [*PLAIN, "sampling", "price"], "profiles", file)
    _require(raw, ["model"], "profiles", file)
    plain = {name: value for name, value in raw.items() if name in PLAIN}
    values: dict[str, Any] = {"protocol": protocol, **_read(plain, PLAIN, "profiles", file)}
    where = f"profiles[{values['model']}]"
    if "sampling" in raw:
        sampling = as_table(raw["sampling"], f"{where}.sampling", file)
        values["sampling"] = CallSampling(**_read(sampling, SAMPLING, f"{where}.sampling", file))
    if "price" in raw:
        values["price"] = _price(as_table(raw["price"], f"{where}.price", file), f"{where}.price", file)
    return Profile(**values)


def _price(raw: Mapping[str, object], where: str, file: str) -> Price:
    values = _read(raw, PRICE, where, file)
    # A sheet that does not tell cached input apart charges it as input.
    values.setdefault("cached_input", values.get("input"))
    _require(values, [entry.name for entry in fields(Price)], where, file)
    return Price(**values)


def _read(raw: Mapping[str, object], kinds_of: Mapping[str, Kind[Any]], where: str, file: str) -> dict[str, Any]:
    check_names(raw, kinds_of, where, file)
    values = dict[str, Any]()
    for name, value in raw.items():
        try:
            values[name] = kinds_of[name].read(value)
        except (ValueError, OverflowError):
            raise ConfigError(f"{where}.{name}", file, f"{value!r} is not {kinds_of[name].allowed}") from None
    return values


def _require(raw: Mapping[str, object], names: list[str], where: str, file: str) -> None:
    for name in names:
        if raw.get(name) is None:
            raise ConfigError(f"{where}.{name}", file, "is missing")
