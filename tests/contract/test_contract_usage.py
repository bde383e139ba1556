"""The ledger over HTTP: what trees cost, by day and by whom, and every attempt, also when the tree is gone."""

import csv
from decimal import Decimal
from io import StringIO
from typing import Any

import httpx
import pytest

from rao_runtime.core.pricing import Price
from rao_runtime.core.profile import Profile
from rao_runtime.core.usage_view import RECORD
from rao_runtime.standin.config import StandInConfig
from server.schemas.usage import UsagePage, UsageReport
from tests.contract.world import World, world

MODEL = StandInConfig().models[0]
PRICE = Price(input=Decimal("0.15"), output=Decimal("0.60"), cached_input=Decimal("0.075"), version="2026-11")
PRICED = (Profile(model=MODEL, price=PRICE),)


async def usage(gateway: World, **query: object) -> dict[str, Any]:
    """`GET /usage`, checked to be as documented."""
    answer = await gateway.http.get("/usage", params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    UsageReport.model_validate_json(answer.content, strict=True)
    return answer.json()


async def page(gateway: World, path: str) -> httpx.Response:
    answer = await gateway.http.get(path)
    assert answer.status_code == 200, answer.text
    UsagePage.model_validate_json(answer.content, strict=True)
    return answer


async def records(gateway: World, path: str = "/usage/records?limit=3") -> list[dict[str, Any]]:
    """All records, page after page."""
    found, link = list[dict[str, Any]](), path
    while link:
        answer = await page(gateway, link)
        found += answer.json()["data"]
        assert bool(answer.links) == answer.json()["has_more"]
        link = answer.links["next"]["url"] if answer.links else ""
    return found


async def solved(gateway: World, goal: str = "SPLIT") -> dict[str, Any]:
    """A tree that has ended and is booked."""
    tree = (await gateway.solve(goal, mode="recursive")).json()
    await gateway.until(f"/usage/records?tree={tree['tree_id']}", lambda answer: bool(answer.json()["data"]))
    return tree


async def test_what_a_tree_used_and_cost_is_in_the_ledger() -> None:
    async with world(profiles=PRICED) as gateway:
        tree = await solved(gateway)
        report = await usage(gateway)
        [line] = report["data"]
        assert line["day"] == tree["timing"]["ended_at"][:10]
        assert {name: line[name] for name in report["total"]} == report["total"]
        for name in ("input_tokens", "cached_tokens", "output_tokens", "wasted_tokens"):
            assert line[name] == tree["usage"][name]
        assert (line["trees"], line["attempts"]) == (1, tree["usage"]["calls"])
        assert Decimal(line["cost"]) == Decimal(tree["cost"]["amount"]) > 0
        assert (report["currency"], line["unpriced_attempts"]) == ("USD", 0)


async def test_records_are_the_attempts_and_add_up_to_the_tree() -> None:
    async with world(profiles=PRICED) as gateway:
        tree = await solved(gateway)
        found = await records(gateway)
        assert len(found) == len({record["call_id"] for record in found}) == tree["usage"]["calls"]
        assert sum(Decimal(record["cost"]) for record in found) == Decimal(tree["cost"]["amount"])
        first = found[0]
        assert tuple(first) == RECORD
        assert (first["tenant"], first["project"], first["purpose"]) == ("default", "default", "agent")
        assert (first["tree_id"], first["model"], first["price_version"]) == (tree["tree_id"], MODEL, "2026-11")
        assert (first["outcome"], first["wasted"], first["usage_source"]) == ("completed", False, "reported")


async def test_what_a_tree_cost_outlives_it() -> None:
    async with world(profiles=PRICED) as gateway:
        tree = await solved(gateway)
        before = (await usage(gateway), await records(gateway))
        await gateway.until("/trees?status=completed", lambda answer: bool(answer.json()["data"]))
        assert (await gateway.http.delete(f"/trees/{tree['tree_id']}")).status_code == 204
        assert (await usage(gateway), await records(gateway)) == before


async def test_a_model_without_a_price_costs_null_and_its_attempts_are_counted() -> None:
    async with world() as gateway:
        tree = await solved(gateway, "ANSWER")
        total = (await usage(gateway))["total"]
        assert (total["cost"], total["wasted_cost"]) == (None, None)
        assert total["unpriced_attempts"] == total["attempts"] == tree["usage"]["calls"]


async def test_nothing_used_costs_nothing() -> None:
    async with world() as gateway:
        report = await usage(gateway, group_by="tenant")
        assert (report["data"], report["total"]["cost"], report["total"]["trees"]) == ([], "0", 0)
        assert (await page(gateway, "/usage/records")).json() == {"data": [], "next_cursor": None, "has_more": False}


@pytest.mark.parametrize("query", ["group_by=model,outcome", "group_by=model&group_by=outcome,model"])
async def test_dimensions_are_given_by_commas_or_one_by_one(query: str) -> None:
    async with world(profiles=PRICED) as gateway:
        await solved(gateway)
        report = (await gateway.http.get(f"/usage?{query}")).json()
        assert report["group_by"] == ["model", "outcome"]
        [line] = report["data"]
        assert (line["model"], line["outcome"], line["trees"]) == (MODEL, "completed", None)


async def test_filters_leave_out_what_is_not_asked_for() -> None:
    async with world(profiles=PRICED) as gateway:
        tree = await solved(gateway)
        assert (await usage(gateway, tenant="default"))["total"]["trees"] == 1
        for query in ({"tenant": "other"}, {"project": "other"}, {"model": "other"}, {"purpose": "canary"}):
            assert (await usage(gateway, **query))["data"] == []
        day = tree["timing"]["ended_at"][:10]
        assert (await usage(gateway, until=day))["data"] == []
        assert (await usage(gateway, since=day))["total"]["trees"] == 1
        assert await records(gateway, f"/usage/records?until={day}") == []
        assert await records(gateway, f"/usage/records?since={day}&tree={tree['tree_id']}&tenant=default&limit=1000")
        assert await records(gateway, "/usage/records?tree=none") == []


async def test_times_within_a_day_stand_for_all_of_it() -> None:
    async with world() as gateway:
        report = await usage(gateway, since="2026-11-01T10:00:00Z", until="2026-11-30T23:30:00-01:00")
        assert (report["since"], report["until"]) == ("2026-11-01", "2026-12-02")
        report = await usage(gateway, since="2026-11-01", until="2026-12-01")
        assert (report["since"], report["until"]) == ("2026-11-01", "2026-12-01")


async def test_a_table_has_the_same_records() -> None:
    async with world(profiles=PRICED) as gateway:
        await solved(gateway)
        found = await records(gateway)
        for answer in (
            await gateway.http.get("/usage/records?format=csv"),
            await gateway.http.get("/usage/records", headers={"Accept": "text/csv"}),
        ):
            assert answer.headers["content-type"].startswith("text/csv")
            rows = list(csv.DictReader(StringIO(answer.text)))
            assert [row["call_id"] for row in rows] == [record["call_id"] for record in found]
            assert [row["cost"] for row in rows] == [record["cost"] for record in found]
            assert {(row["wasted"], row["gpu_s"]) for row in rows} == {("false", "")}
        answer = await gateway.http.get("/usage/records?format=csv&limit=2")
        assert len(answer.text.splitlines()) == 3
        assert (await gateway.http.get(answer.links["next"]["url"])).text.splitlines()[0] == ",".join(RECORD)


async def test_the_last_cursor_goes_on_with_what_comes_later() -> None:
    async with world() as gateway:
        await solved(gateway, "ANSWER")
        last = (await page(gateway, "/usage/records")).json()
        assert not last["has_more"]
        later = await solved(gateway, "ANSWER")
        [record] = await records(gateway, f"/usage/records?after={last['next_cursor']}")
        assert record["tree_id"] == later["tree_id"]


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/usage?group_by=colour", "group_by"),
        ("/usage?group_by=", "group_by"),
        ("/usage?group_by=tenant,model,day,outcome", "group_by"),
        ("/usage?since=yesterday", "since"),
        ("/usage?since=2026-02-30", "since"),
        ("/usage?since=2026-11-01T10:00:00", "since"),
        ("/usage?since=2026-11-02&until=2026-11-02", "until"),
        ("/usage?since=2020-01-01&until=2026-01-01", "until"),
        ("/usage?group_by=model&since=1990-01-01&until=2026-01-01", "until"),
        ("/usage?until=0001-01-01", "until"),
        ("/usage?until=9999-12-31T23:00:00-09:00", "until"),
        ("/usage?purpose=fun", "purpose"),
        ("/usage/records?after=nowhere", "after"),
        ("/usage/records?limit=0", "limit"),
        ("/usage/records?since=1e9", "since"),
        ("/usage/records?format=xml", "format"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_and_says_where(path: str, where: str) -> None:
    async with world() as gateway:
        answer = await gateway.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert [error["loc"][-1] for error in answer.json()["errors"]] == [where]
