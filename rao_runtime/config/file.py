"""`rao.toml`: a table of the server's settings and a list of profiles. Checks names, not values."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from rao_runtime.config.errors import ConfigError
from rao_runtime.config.settings import describe

TOP = frozenset({"server", "profiles"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """What a file says: raw values by setting name, raw profiles. Empty where there is no file."""

    name: str = "rao.toml"
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    profiles: tuple[Mapping[str, object], ...] = ()


def read_file(path: Path, named_by: str) -> ConfigFile:
    """The file's settings. Raises ConfigError where it cannot be read, is no TOML, or names what does not exist."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError("config", named_by, f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError("config", named_by, f"{path} is not TOML: {error}") from error
    name = str(path)
    check_names(content, TOP, "", name)
    server = as_table(content.get("server", {}), "server", name)
    ceilings = as_table(server.pop("ceilings", {}), "server.ceilings", name)
    plain = [setting.name for setting in describe() if setting.table == "server"]
    prefixed = {s.name.removeprefix("ceiling_"): s.name for s in describe() if s.table == "server.ceilings"}
    check_names(server, [*plain, "ceilings"], "server", name)
    check_names(ceilings, prefixed, "server.ceilings", name)
    values = {**server, **{prefixed[key]: value for key, value in ceilings.items()}}
    return ConfigFile(name=name, values=values, profiles=_profiles(content.get("profiles", []), name))


def as_table(value: object, where: str, file: str) -> dict[str, Any]:
    """A copy of a table. Raises ConfigError for anything else."""
    if not isinstance(value, dict):
        raise ConfigError(where, file, f"{value!r} is not a table")
    return dict(cast("dict[str, Any]", value))


def check_names(table: Mapping[str, object], allowed: Collection[str], where: str, file: str) -> None:
    """Raises ConfigError for a key that is none."""
    for name in table:
        if name not in allowed:
            close = get_close_matches(name, allowed, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(allowed))}"
            raise ConfigError(f"{where}.{name}".lstrip("."), file, f"there is no such setting; {hint}")


def _profiles(value: object, file: str) -> tuple[Mapping[str, object], ...]:
    if not isinstance(value, list):
        raise ConfigError("profiles", file, "write each profile as a [[profiles]] table")
    return tuple(as_table(item, "profiles", file) for item in cast("list[object]", value))
