"""What the spans of attempts, tools and cells tell."""

import json

import pytest

from rao_runtime.core.events import EventType
from tests.unit.traced_tree import URL, TracedTree


def answered(*, replica: str = URL) -> TracedTree:
    return TracedTree().born("r").asks("r", replica=replica).told("r")


def test_an_attempt_says_what_was_asked_and_what_it_used() -> None:
    assert dict(answered().named("chat m").attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.7,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.seed": 7,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.125,
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.output_tokens": 8,
        "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.cost": 0.25,
        "server.address": "gpu-1",
        "server.port": 8001,
        "rao.tree.id": "t",
        "rao.node.id": "r",
        "rao.turn": 0,
        "rao.call.id": "r-t0",
        "rao.call.attempt": 1,
        "rao.call.replica": URL,
        "rao.call.queued_s": 0.5,
        "rao.call.expected_cached_tokens": 12,
        "rao.call.wasted_tokens": 0,
        "rao.call.estimated": False,
        "rao.cost.usd": "0.25",
        "rao.price_version": "v1",
    }


@pytest.mark.parametrize(
    ("replica", "provider", "address", "port"),
    [
        ("https://models.example", "vllm", "models.example", 443),
        ("http://[::1]:8000", "vllm", "::1", 8000),
        ("rao-nano/1", "rao", None, None),
        ("http://gpu:port", "rao", None, None),
    ],
)
def test_an_attempt_says_who_answers_where_that_is_an_address(
    replica: str, provider: str, address: str | None, port: int | None
) -> None:
    told = answered(replica=replica).named("chat m").attributes
    assert (told["gen_ai.provider.name"], told.get("server.address"), told.get("server.port")) == (
        provider,
        address,
        port,
    )


def test_a_failed_attempt_says_of_what_kind_and_nothing_of_tokens_it_did_not_use() -> None:
    span = TracedTree().born("r").asks("r").fails("r", "unreachable").named("chat m")
    assert (span.error, span.message) == ("unreachable", "no luck")
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert not [name for name in span.attributes if name.startswith("gen_ai.usage") or name == "rao.cost.usd"]


def test_each_attempt_of_a_call_has_a_span_of_its_own() -> None:
    tree = TracedTree().born("r").asks("r").fails("r", "busy").asks("r", 0, 2).told("r", 0, 2)
    assert len({span.span_id for span in tree.spans()}) == 2


def test_what_the_model_wrote_is_told_only_with_content() -> None:
    assert "gen_ai.output.messages" not in answered().named("chat m").attributes
    (message,) = json.loads(str(answered().named("chat m", content=True).attributes["gen_ai.output.messages"]))
    assert message == {
        "role": "assistant",
        "parts": [{"type": "text", "content": "a thought"}],
        "finish_reason": "stop",
    }


# --- cells and tools --------------------------------------------------------------------------------------------------


def test_a_cell_is_a_tool_whose_code_and_output_are_told_only_with_content() -> None:
    tree = TracedTree().born("r").acts("r").later(1).sees("r")
    cell = tree.named("execute_tool python")
    assert (cell.start, cell.end, cell.error) == (1_000, 1_001, None)
    assert not [name for name in cell.attributes if name in {"rao.cell.code", "rao.cell.output"}]
    told = tree.named("execute_tool python", content=True).attributes
    assert (told["rao.cell.code"], told["rao.cell.output"]) == ("print(1)", "1")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Traceback (most recent call last):\n  line 1: f()\nValueError: it holds TypeError", "ValueError"),
        ("KeyError", "KeyError"),
        ("Traceback (most recent call last):\n  line 1: f()\nMyOwnError: x", "_OTHER"),
        ("2 sub-agents still ran when this cell ended and were cancelled", "_OTHER"),
    ],
)
def test_a_cell_that_raised_says_what_in_a_few_words(text: str, kind: str) -> None:
    assert TracedTree().born("r").acts("r").sees("r", error=text).named("execute_tool").error == kind


def test_a_cell_that_was_killed_says_so() -> None:
    tree = TracedTree().born("r").acts("r").sees("r", error="The cell was stopped (time): too long", killed=True)
    assert tree.named("execute_tool").error == "killed"


def tool(name: str = "grep", **told: object) -> TracedTree:
    head = {"call_id": "r-t0-c0", "name": name}
    tree = TracedTree().born("r").later(1).node("r", EventType.TOOL_STARTED, 0, **head, arguments={"q": "x"})
    return tree.later(2).node("r", EventType.TOOL_COMPLETED, 0, **head, **told)


def test_a_tool_call_is_a_span_whose_arguments_and_result_are_told_only_with_content() -> None:
    span = tool(result=[1]).named("execute_tool grep")
    assert (span.start, span.end, span.error) == (1_001, 1_003, None)
    assert span.attributes["gen_ai.tool.call.id"] == "r-t0-c0"
    assert not [name for name in span.attributes if name.endswith(("arguments", "result"))]
    told = tool(result=[1]).named("execute_tool grep", content=True).attributes
    assert (told["gen_ai.tool.call.arguments"], told["gen_ai.tool.call.result"]) == ('{"q": "x"}', "[1]")


def test_a_tool_call_that_failed_says_of_what_type() -> None:
    tree = tool(error={"type": "OSError", "message": "no file secret.txt"})
    assert (tree.named("execute_tool").error, tree.named("execute_tool").message) == ("OSError", None)
    assert tree.named("execute_tool", content=True).message == "no file secret.txt"


def test_long_texts_are_cut_in_the_middle() -> None:
    tree = TracedTree().born("r").acts("r", "x" * 20_000).sees("r")
    told = str(tree.named("execute_tool", content=True).attributes["rao.cell.code"])
    assert len(told) < 9_000
    assert "characters cut here" in told
