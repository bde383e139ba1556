"""Finds each setting's value: on the command line, else in the environment, else in `rao.toml`, else its default."""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rao_runtime.config.errors import ConfigError
from rao_runtime.config.file import ConfigFile, read_file
from rao_runtime.config.profiles import profiles_of
from rao_runtime.config.settings import MIB, Setting, Settings, describe
from rao_runtime.core.limits import Ceilings
from rao_runtime.core.vllm_flags import refused

COMMAND_LINE, ENVIRONMENT, DEFAULT = "command line", "environment", "default"
CONFIG_VARIABLE = "RAO_CONFIG"
SANDBOX_HEADROOM_BYTES = 16 * MIB

Given = tuple[object, str]  # a raw value and where it comes from


def load(
    overrides: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    otherwise: Mapping[str, object] | None = None,
) -> Settings:
    """The settings in force. Raises ConfigError.

    `overrides` are the command line's, by setting name; None means not given. `config` among them names the file, else
    RAO_CONFIG does, else it is `rao.toml` in `directory` (the current one) if there. An empty variable counts as unset.
    `otherwise` holds defaults other than the usual ones.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    variables = {
        name: value
        for name, value in (os.environ if environ is None else environ).items()
        if name.startswith("RAO_") and value
    }
    file = _file(given.pop("config", None), variables.pop(CONFIG_VARIABLE, None), directory or Path())
    known = {setting.name: setting for setting in describe()}
    _refuse_unknown(given, known)
    defaults = {name: (value, DEFAULT) for name, value in (otherwise or {}).items()}
    raw = {name: _given(setting, given, variables, file) or defaults.get(name) for name, setting in known.items()}
    values = {name: _value(known[name], *found) for name, found in raw.items() if found is not None}
    warnings = _unknown_variables(variables, known)
    return _settings(values, {name: found[1] for name, found in raw.items() if found}, file, warnings)


def _file(flag: object, variable: str | None, directory: Path) -> ConfigFile:
    if flag is not None:
        return read_file(Path(str(flag)), COMMAND_LINE)
    if variable:
        return read_file(Path(variable), CONFIG_VARIABLE)
    path = directory / "rao.toml"
    return read_file(path, "found there") if path.is_file() else ConfigFile()


def _given(
    setting: Setting, given: Mapping[str, object], variables: Mapping[str, str], file: ConfigFile
) -> Given | None:
    if setting.name in given:
        return given[setting.name], COMMAND_LINE
    if setting.env in variables:
        return variables[setting.env], ENVIRONMENT
    if setting.name in file.values:
        return file.values[setting.name], file.name
    return None


def _value(setting: Setting, raw: object, source: str) -> object:
    try:
        return setting.kind.read(raw)
    except (ValueError, OverflowError):
        name = setting.env if source == ENVIRONMENT else setting.name
        shown = "that value" if setting.secret else repr(raw)
        raise ConfigError(name, source, f"{shown} is not {setting.kind.allowed}") from None


def _settings(
    values: dict[str, Any], sources: Mapping[str, str], file: ConfigFile, warnings: tuple[str, ...]
) -> Settings:
    ceilings = {f.name: values.pop(f"ceiling_{f.name}") for f in fields(Ceilings) if f"ceiling_{f.name}" in values}
    settings = Settings(**values, ceilings=Ceilings(**ceilings), warnings=warnings)
    if not settings.worker and settings.shared_store is None:
        problem = "a server without a worker needs redis_url, where the workers find its trees"
        raise ConfigError("worker", sources["worker"], problem)
    _check_local_replicas(settings, sources)
    return replace(
        settings,
        sandbox_memory_bytes=_sandbox_memory(settings, sources),
        profiles=profiles_of(file, settings.protocol),
    )


def _check_local_replicas(settings: Settings, sources: Mapping[str, str]) -> None:
    if settings.local_replicas and settings.model is None:
        problem = "needs model: the name or the folder of what the replicas serve"
        raise ConfigError("local_replicas", sources["local_replicas"], problem)
    if settings.local_replicas and not settings.worker:
        problem = "a server without a worker makes no calls: start them with the workers"
        raise ConfigError("local_replicas", sources["local_replicas"], problem)
    if (problem := refused(settings.vllm_flags)) is not None:
        raise ConfigError("vllm_flags", sources["vllm_flags"], problem)


def _sandbox_memory(settings: Settings, sources: Mapping[str, str]) -> int:
    least = 4 * settings.max_context_bytes + SANDBOX_HEADROOM_BYTES
    source = sources.get("sandbox_memory_bytes")
    if source is None:
        return max(settings.sandbox_memory_bytes, least)
    if settings.sandbox_memory_bytes < least:
        context = f"max_context_bytes {settings.max_context_bytes} ({sources.get('max_context_bytes', DEFAULT)})"
        problem = f"{settings.sandbox_memory_bytes} is too little for {context}, which takes at least {least}"
        raise ConfigError("sandbox_memory_bytes", source, problem)
    return settings.sandbox_memory_bytes


def _refuse_unknown(given: Mapping[str, object], known: Mapping[str, Setting]) -> None:
    for name in given:
        if name not in known:
            raise ConfigError(name, COMMAND_LINE, f"there is no such setting{_perhaps(name, known)}")


def _unknown_variables(variables: Mapping[str, str], known: Mapping[str, Setting]) -> tuple[str, ...]:
    names = {setting.env: setting for setting in known.values()}
    strange = sorted(variables.keys() - names.keys())
    return tuple(f"{name} is set, and there is no such setting{_perhaps(name, names)}" for name in strange)


def _perhaps(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
