"""Reads the values of a table of `rao.toml`, by the kinds they are of."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rao_runtime.config.errors import ConfigError
from rao_runtime.config.file import check_names
from rao_runtime.config.kinds import Kind


def read_table(raw: Mapping[str, object], kinds_of: Mapping[str, Kind[Any]], where: str, file: str) -> dict[str, Any]:
    """The values. Raises ConfigError for a name that is none, and for a value that is not of its kind."""
    check_names(raw, kinds_of, where, file)
    values = dict[str, Any]()
    for name, value in raw.items():
        try:
            values[name] = kinds_of[name].read(value)
        except (ValueError, OverflowError):
            shown = str(value) if isinstance(value, date) else repr(value)
            raise ConfigError(f"{where}.{name}", file, f"{shown} is not {kinds_of[name].allowed}") from None
    return values


def require(raw: Mapping[str, object], names: Sequence[str], where: str, file: str) -> None:
    """Raises ConfigError for the first of these names that has no value."""
    for name in names:
        if raw.get(name) is None:
            raise ConfigError(f"{where}.{name}", file, "is missing")
