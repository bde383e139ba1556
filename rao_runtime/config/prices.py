"""Price sheets as TOML writes them: one `[profiles.price]`, or `[[profiles.prices]]`, one after the other."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from rao_runtime.config import kinds
from rao_runtime.config.errors import ConfigError
from rao_runtime.config.file import as_table
from rao_runtime.config.kinds import Kind
from rao_runtime.config.tables import read_table, require
from rao_runtime.core.pricing import GpuPrice, Price, Sheet

BY_TOKEN: Mapping[str, Kind[Any]] = {
    "input": kinds.price(),
    "cached_input": kinds.price(),
    "output": kinds.price(),
}
BY_GPU: Mapping[str, Kind[Any]] = {
    "gpu_second": kinds.price(),
    "gpus": kinds.whole(1, 1024),
}
SHEET: Mapping[str, Kind[Any]] = {"version": kinds.text(), "from": kinds.moment(), **BY_TOKEN, **BY_GPU}


def prices_of(profile: Mapping[str, object], where: str, file: str) -> tuple[Sheet | None, tuple[Sheet, ...]]:
    """The sheet of a raw profile that is in force from ever, if there is one, and those that follow, by their dates.

    Raises ConfigError.
    """
    sheets = list(_sheets(profile, where, file))
    versions, starts = set[str](), set[float | None]()
    for sheet, told in sheets:
        if sheet.version in versions:
            raise ConfigError(f"{told}.version", file, f"two price sheets are called {sheet.version!r}")
        if sheet.since in starts:
            missing = "only one can do without: it is in force from ever"
            problem = missing if sheet.since is None else "another price sheet comes into force at the same time"
            raise ConfigError(f"{told}.from", file, problem)
        versions.add(sheet.version)
        starts.add(sheet.since)
    from_ever = next((sheet for sheet, _ in sheets if sheet.since is None), None)
    dated = [(sheet.since, sheet) for sheet, _ in sheets if sheet.since is not None]
    return from_ever, tuple(sheet for _, sheet in sorted(dated, key=lambda each: each[0]))


def _sheets(profile: Mapping[str, object], where: str, file: str) -> Iterator[tuple[Sheet, str]]:
    if "price" in profile and "prices" in profile:
        raise ConfigError(f"{where}.prices", file, "write either one [profiles.price] or a list of [[profiles.prices]]")
    if "price" in profile:
        yield _sheet(profile["price"], f"{where}.price", file), f"{where}.price"
    listed = profile.get("prices", [])
    if not isinstance(listed, list):
        raise ConfigError(f"{where}.prices", file, "write each price sheet as a [[profiles.prices]] table")
    for number, raw in enumerate(cast("list[object]", listed), 1):
        told = f"{where}.prices[{number}]"
        yield _sheet(raw, told, file), told


def _sheet(raw: object, where: str, file: str) -> Sheet:
    values = read_table(as_table(raw, where, file), SHEET, where, file)
    by_gpu, by_token = BY_GPU.keys() & values.keys(), BY_TOKEN.keys() & values.keys()
    if by_gpu and by_token:
        raise ConfigError(where, file, f"has prices by tokens ({_and(by_token)}) and by GPU-seconds ({_and(by_gpu)})")
    values["since"] = values.pop("from", None)
    if by_gpu:
        require(values, ["gpu_second", "version"], where, file)
        return GpuPrice(**values)
    if not by_token:
        raise ConfigError(where, file, "has no price: set `input` and `output`, or `gpu_second`")
    # A sheet that does not tell cached input apart charges it as input.
    values.setdefault("cached_input", values.get("input"))
    require(values, ["input", "output", "version"], where, file)
    return Price(**values)


def _and(names: set[str]) -> str:
    return " and ".join(sorted(names))
