"""What the stand-in takes for the content of its KV cache."""

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.content import block_names, prompt_stream
from rao_runtime.standin.plan import Plan, plan
from rao_runtime.standin.request import ChatMessage, ChatRequest
from rao_runtime.standin.tokens import count_messages

CONFIG = StandInConfig(block_size=2)
TEXTS = st.text(alphabet="ab\n\u00e9", max_size=40)
ROLES = st.sampled_from(["system", "user", "assistant"])
MESSAGES = st.lists(st.builds(ChatMessage, role=ROLES, content=TEXTS), min_size=1, max_size=4)


def _request(messages: list[ChatMessage], salt: str | None = None) -> ChatRequest:
    return ChatRequest(messages=messages, cache_salt=salt)


def _plan(text: str, *, stops: tuple[str, ...] = (), cap: int = 1000) -> Plan:
    return plan(text, stops=stops, cap=cap, request_id="r", config=CONFIG)


def _names(request: ChatRequest, made: Plan, model: str = "m") -> tuple[bytes, ...]:
    return block_names(request, made, model=model, config=CONFIG)


@given(MESSAGES, TEXTS, st.integers(1, 5), st.integers(1, 20))
def test_there_is_a_name_for_each_full_block_of_prompt_and_completion(
    messages: list[ChatMessage], text: str, chars_per_token: int, cap: int
) -> None:
    request = _request(messages)
    config = StandInConfig(block_size=2, chars_per_token=chars_per_token)
    prompt_tokens = count_messages(request.texts, chars_per_token)
    made = plan(text, stops=("b\n",), cap=cap, request_id="r", config=config)
    assert len(prompt_stream(request, chars_per_token)) == prompt_tokens * chars_per_token
    assert len(block_names(request, made, model="m", config=config)) == (prompt_tokens + made.tokens) // 2


@given(MESSAGES, TEXTS, TEXTS)
def test_the_next_turn_begins_with_this_prompt_and_what_was_written(
    messages: list[ChatMessage], said: str, following: str
) -> None:
    turn = _names(_request(messages), _plan(said))
    history = [*messages, ChatMessage(role="assistant", content=said), ChatMessage(role="user", content=following)]
    assert _names(_request(history), _plan(""))[: len(turn)] == turn


def test_a_stop_string_that_is_not_shown_was_written_nevertheless() -> None:
    asked = [ChatMessage(role="user", content="Go on.")]
    hidden = _plan("run it</python> and more", stops=("</python>",))
    assert _names(_request(asked), hidden) == _names(_request(asked), _plan("run it</python>"))


def test_prompts_share_the_names_of_what_they_begin_with_alike_and_no_more() -> None:
    system = ChatMessage(role="system", content="s" * 80)
    one, two = (
        _names(_request([system, ChatMessage(role="user", content=text * 80)]), _plan("")) for text in ("one", "two")
    )
    # The system prompt is 20 tokens, the turn after it four.
    assert one[:12] == two[:12]
    assert set(one[12:]).isdisjoint(two[12:])


def test_a_salt_and_another_model_share_nothing() -> None:
    asked = [ChatMessage(role="user", content="x" * 100)]
    names = [
        _names(_request(asked, salt), _plan(""), model) for salt, model in ((None, "m"), ("s", "m"), (None, "other"))
    ]
    assert len({name for row in names for name in row}) == sum(map(len, names))
