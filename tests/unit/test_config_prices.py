"""Price sheets in `rao.toml`: what they can say, and what is told where they say it wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.config import ConfigError, load
from rao_runtime.config.kinds import moment
from rao_runtime.core.pricing import GpuPrice, Price
from rao_runtime.core.profile import Profile

TOKENS = "input = 1\noutput = 2\n"


def profile(tmp_path: Path, sheets: str) -> Profile:
    (tmp_path / "rao.toml").write_text(f"[[profiles]]\nmodel = 'm'\n{sheets}", "utf-8")
    return load({"config": tmp_path / "rao.toml"}, environ={}).profile_for("m")


def listed(*sheets: str) -> str:
    return "".join(f"[[profiles.prices]]\n{sheet}\n" for sheet in sheets)


def at(year: int, month: int, day: int, hour: int = 0) -> float:
    return datetime(year, month, day, hour, tzinfo=UTC).timestamp()


def test_sheets_follow_one_another_by_their_dates_in_whatever_order_they_are_written(tmp_path: Path) -> None:
    found = profile(
        tmp_path,
        listed(
            f"version = 'c'\nfrom = 2027-03-01T02:00:00+02:00\n{TOKENS}",
            f"version = 'a'\n{TOKENS}",
            f"version = 'b'\nfrom = '2027-01-01'\n{TOKENS}",
        ),
    )
    versions = [
        None if (sheet := found.price_at(now)) is None else sheet.version
        for now in (0.0, at(2027, 1, 1) - 1, at(2027, 1, 1), at(2027, 3, 1) - 1, at(2027, 3, 1))
    ]
    assert versions == ["a", "a", "b", "b", "c"]


def test_a_model_has_no_price_before_its_first_sheet(tmp_path: Path) -> None:
    for sheet in (listed(f"version = 'v'\nfrom = 2027-01-01\n{TOKENS}"), f"[profiles.price]\nversion = 'v'\n{TOKENS}"):
        has_begun = profile(tmp_path, sheet).price_at(at(2026, 12, 31, 23)) is not None
        assert has_begun == ("from" not in sheet)
        assert profile(tmp_path, sheet).price_at(at(2027, 1, 1)) is not None


def test_a_sheet_prices_tokens_or_gpu_seconds(tmp_path: Path) -> None:
    found = profile(
        tmp_path,
        listed(
            "version = 'tokens'\ninput = 0.15\ncached_input = '0.000001'\noutput = 3",
            "version = 'gpus'\nfrom = 2027-01-01\ngpu_second = 0.000694\ngpus = 8",
            "version = 'gpu'\nfrom = 2027-01-02\ngpu_second = 0.000694",
        ),
    )
    assert found.price == Price(
        input=Decimal("0.15"), cached_input=Decimal("0.000001"), output=Decimal(3), version="tokens"
    )
    assert found.prices == (
        GpuPrice(gpu_second=Decimal("0.000694"), gpus=8, version="gpus", since=at(2027, 1, 1)),
        GpuPrice(gpu_second=Decimal("0.000694"), gpus=1, version="gpu", since=at(2027, 1, 2)),
    )


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("2027-01-01", at(2027, 1, 1)),
        ("'2027-01-01'", at(2027, 1, 1)),
        ("2027-01-01T10:00:00Z", at(2027, 1, 1, 10)),
        ("'2027-01-01T10:00:00Z'", at(2027, 1, 1, 10)),
        ("'2027-01-01t10:00:00z'", at(2027, 1, 1, 10)),
        ("'2027-01-01 12:00:00+02:00'", at(2027, 1, 1, 10)),
        ("'2027-01-01T10:00:00.25Z'", at(2027, 1, 1, 10) + 0.25),
    ],
)
def test_a_date_is_a_day_or_a_time_with_its_zone_in_text_or_toml(tmp_path: Path, written: str, means: float) -> None:
    (sheet,) = profile(tmp_path, listed(f"version = 'v'\nfrom = {written}\n{TOKENS}")).prices
    assert sheet.since == means


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - bounds
def test_any_time_with_a_zone_is_the_moment_it_names(time: datetime) -> None:
    assert moment().read(time) == time.timestamp()
    offset = time.utcoffset()
    # RFC 3339 has no zones that differ by seconds, as those of long ago do.
    if offset is not None and not offset.seconds % 60:
        assert moment().read(time.isoformat(timespec="seconds")) == time.replace(microsecond=0).timestamp()


MISSING_ZONE = "is not a day such as 2026-11-01, or a time with its zone such as 2026-11-01T00:00:00Z"
NO_PRICE = "an amount in USD such as 0.15, with 6 decimals and 1,000,000 at most"


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        (f"[profiles.price]\n{TOKENS}" + listed(TOKENS), "prices (?): write either one [profiles.price] or a list of"),
        ("prices = 3", "prices (?): write each price sheet as a [[profiles.prices]] table"),
        ("[profiles.prices]\nversion = 'v'", "prices (?): write each price sheet as a [[profiles.prices]] table"),
        ("prices = [3]", "prices[1] (?): 3 is not a table"),
        (listed(TOKENS), "prices[1].version (?): is missing"),
        (listed("version = 'v'"), "prices[1] (?): has no price: set `input` and `output`, or `gpu_second`"),
        (listed("version = 'v'\ninput = 1"), "prices[1].output (?): is missing"),
        (listed("version = 'v'\noutput = 1"), "prices[1].input (?): is missing"),
        (listed("version = 'v'\ngpus = 2"), "prices[1].gpu_second (?): is missing"),
        (
            listed(f"version = 'v'\ngpu_second = 1\n{TOKENS}"),
            "prices[1] (?): has prices by tokens (input and output) and by GPU-seconds (gpu_second)",
        ),
        (
            listed("version = 'v'\ncached_input = 1\ngpus = 1"),
            "prices[1] (?): has prices by tokens (cached_input) and by GPU-seconds (gpus)",
        ),
        (
            listed(f"version = 'v'\n{TOKENS}", f"version = 'v'\nfrom = 2027-01-01\n{TOKENS}"),
            "prices[2].version (?): two price sheets are called 'v'",
        ),
        (
            listed(f"version = 'v'\n{TOKENS}", f"version = 'w'\n{TOKENS}"),
            "prices[2].from (?): only one can do without: it is in force from ever",
        ),
        (
            listed(*(f"version = '{name}'\nfrom = {when}\n{TOKENS}" for name, when in (
                ("v", "2027-01-01"), ("w", "2027-01-01T01:00:00+01:00")))),
            "prices[2].from (?): another price sheet comes into force at the same time",
        ),
        (listed(f"version = 'v'\nform = 2027-01-01\n{TOKENS}"), "prices[1].form (?): there is no such setting"),
        (
            listed(f"version = 'v'\nfrom = 2027-01-01T00:00:00\n{TOKENS}"),
            f"prices[1].from (?): 2027-01-01 00:00:00 {MISSING_ZONE}",
        ),
        (listed(f"version = 'v'\nfrom = '2027-01-01T00:00:00'\n{TOKENS}"), "prices[1].from (?): '2027-01-01T00:00:00'"),
        (listed(f"version = 'v'\nfrom = '2027-02-30'\n{TOKENS}"), f"prices[1].from (?): '2027-02-30' {MISSING_ZONE}"),
        (listed(f"version = 'v'\nfrom = '2027-W01-1'\n{TOKENS}"), f"prices[1].from (?): '2027-W01-1' {MISSING_ZONE}"),
        (listed(f"version = 'v'\nfrom = 10:00:00\n{TOKENS}"), "prices[1].from (?): datetime.time(10, 0) is not a day"),
        (listed(f"version = 'v'\nfrom = 1_800_000_000\n{TOKENS}"), f"prices[1].from (?): 1800000000 {MISSING_ZONE}"),
        (listed("version = 'v'\ninput = 0.1234567\noutput = 1"), f"prices[1].input (?): 0.1234567 is not {NO_PRICE}"),
        (listed("version = 'v'\ngpu_second = '1e-7'"), f"prices[1].gpu_second (?): '1e-7' is not {NO_PRICE}"),
        (listed("version = 'v'\ninput = 1\noutput = 1_000_001"), f"prices[1].output (?): 1000001 is not {NO_PRICE}"),
        (listed("version = 'v'\ngpu_second = 1\ngpus = 0"), "prices[1].gpus (?): 0 is not a whole number from 1"),
        (listed("version = ''\ngpu_second = 1"), "prices[1].version (?): '' is not text that is not empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_price_sheet_is_named(tmp_path: Path, sheets: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        profile(tmp_path, sheets)
    assert str(refused.value).startswith(f"profiles[m].{message}".replace("(?)", f"({tmp_path / 'rao.toml'})"))
