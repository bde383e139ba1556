"""`GET /trees/{id}/analysis`, on the real engine."""

import pytest

from rao_runtime.core.ids import root_id
from server.schemas.analysis import Analysis
from tests.contract.world import world


async def test_a_tree_is_analysed_beside_a_flat_one() -> None:
    async with world() as gateway:
        tree = (await gateway.solve("SPLIT", mode="recursive")).json()
        flat = (await gateway.solve("ANSWER", mode="flat")).json()
        path = f"/trees/{tree['tree_id']}/analysis"
        answer = await gateway.http.get(path, params={"baseline": flat["tree_id"]})
        assert answer.status_code == 200
        told = Analysis.model_validate(answer.json())
        alone = (await gateway.http.get(path)).json()
    assert told.nodes == tree["nodes"]["total"] == 5
    assert (told.work_s, told.critical_path_s) == (tree["timing"]["work_s"], tree["timing"]["critical_path_s"])
    assert told.critical_path[0] == root_id(tree["tree_id"])
    assert told.baseline is not None
    assert told.baseline.token_multiple == pytest.approx(told.tokens / told.baseline.tokens, abs=1e-4)
    # Goals of a word fit any window, and both grandchildren were told to do the same.
    rules = [sign.rule.value for sign in told.signs]
    assert rules == ["split_though_it_fits", "same_task_twice", "split_though_it_fits"]
    assert alone["baseline"] is None


async def test_a_tree_that_runs_is_analysed_as_far_as_it_has_come() -> None:
    async with world() as gateway:
        tree_id = await gateway.stuck()
        told = Analysis.model_validate((await gateway.http.get(f"/trees/{tree_id}/analysis")).json())
    assert (told.status.value, told.nodes, told.signs) == ("working", 1, [])


@pytest.mark.parametrize("baseline", ["nobody", "../../etc", "x" * 1000])
async def test_an_unknown_tree_or_baseline(baseline: str) -> None:
    async with world() as gateway:
        tree = (await gateway.solve("ANSWER")).json()
        path = f"/trees/{tree['tree_id']}/analysis"
        assert (await gateway.http.get("/trees/nobody/analysis")).status_code == 404
        answer = await gateway.http.get(path, params={"baseline": baseline})
    assert answer.status_code == 404
    assert baseline[:64] in answer.json()["detail"]
