import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.protocol import MARKDOWN, PROTOCOLS, RAO, Action, ActionProtocol

BOTH = pytest.mark.parametrize("protocol", [RAO, MARKDOWN], ids=lambda protocol: protocol.name)

# Pieces that matter to a reader, so that garbage made of them reaches every branch.
PIECES = st.sampled_from(
    [
        "<thought>", "</thought>", "<python>", "</python>", "<think>", "</think>", "```", "```python", "````", "~~~",
        "\n", "\n", "  ", "x = 1", "print('```')", "\ud800", "é", "\r", "\0",
    ]
)  # fmt: skip
GARBAGE = st.lists(PIECES, max_size=20).map("".join) | st.text(st.characters(exclude_categories=()))


def cut_at_stop(protocol: ActionProtocol, text: str) -> str:
    """What a server returns of a text: nothing from the stop string on."""
    return text.partition(protocol.stops[0])[0]


# --- RAO's tags ------------------------------------------------------------------------------------------------------


def test_a_rao_turn_is_read_and_its_stop_string_is_put_back() -> None:
    text = "<thought>Count first.</thought>\n<python>\nprint(1)\nprint(2)\n"
    assert RAO.parse(text, "stop") == Action(thought="Count first.", code="print(1)\nprint(2)")
    assert RAO.render(text, "stop") == text + "</python>"


def test_a_closing_tag_the_server_kept_is_not_doubled() -> None:
    text = "<thought>a</thought><python>x = 1</python>"
    assert RAO.parse(text, "stop") == Action(thought="a", code="x = 1")
    assert RAO.render(text, "stop") == text


@pytest.mark.parametrize(
    ("text", "thought", "code"),
    [
        ("<python>x = 1", "", "x = 1"),
        ("I count.\n<python>x = 1", "I count.", "x = 1"),
        ("<thought>I count.\n<python>x = 1", "I count.", "x = 1"),
        ("I count.</thought><python>x = 1", "I count.", "x = 1"),
        ("<thought>I open <python> next.</thought><python>x = 1", "I open <python> next.", "x = 1"),
        ("<thought>a</thought><python> x = 1\ny = 2", "a", "x = 1\ny = 2"),
        ("<thought>a</thought><python>\n\n    x = 1\n    if x:\n        y = 2\n", "a", "x = 1\nif x:\n    y = 2"),
        ("<thought>a</thought><python>\n<python>\nx = 1", "a", "x = 1"),
        ("<thought>a</thought><python>\n```python\nx = 1\n```\n", "a", "x = 1"),
        ("<thought>a</thought><python>```\nx = 1", "a", "x = 1"),
        ("<thought>a</thought><python>s = '</thought>'", "a", "s = '</thought>'"),
        ("<thought>a</thought><python>s = '</think>'", "a", "s = '</think>'"),
        ("<python>s = '<thought>b</thought>'", "", "s = '<thought>b</thought>'"),
        ("<think>Use <python> tags.</think>\n<thought>a</thought><python>x = 1", "a", "x = 1"),
        ("\n<think>long</think><python>x = 1", "", "x = 1"),
        ("long, without its opening</think>\n<thought>a</thought><python>x = 1", "a", "x = 1"),
        ("</think>a<python>x = 1", "a", "x = 1"),
        ("<think>never closed <python>x = 1", "never closed", "x = 1"),
        ("<think>code inside <python>x = 1</python></think>", "code inside", "x = 1"),
    ],
)
def test_rao_turns_that_models_get_slightly_wrong_are_read_as_meant(text: str, thought: str, code: str) -> None:
    assert RAO.parse(text, "stop") == Action(thought=thought, code=code)


def test_a_thought_never_closed_does_not_reach_for_the_next_block() -> None:
    action = RAO.parse("<thought>a<python>x = 1</python>\n<thought>b</thought><python>x = 2</python>", "stop")
    assert (action.thought, action.code) == ("a", "x = 1")


def test_of_two_tagged_blocks_the_first_runs_and_the_prompt_forgets_the_rest() -> None:
    first = "<thought>a</thought><python>x = 1</python>"
    text = f"{first}\n[Cell 0 Output]\n1\n<thought>b</thought><python>x = 2</python>"
    action = RAO.parse(text, "stop")
    assert action.code == "x = 1"
    assert action.problem is not None
    assert "Only the first code block ran" in action.problem
    assert RAO.render(text, "stop") == first


# --- Fenced blocks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["\n```\n\nThis prints one.", "\n```\n", "\n```", ""])
def test_a_fenced_turn_reads_the_same_with_and_without_its_end(rest: str) -> None:
    text = cut_at_stop(MARKDOWN, "Count first.\n\n```python\nprint(1)\n\nprint(2)" + rest)
    assert MARKDOWN.parse(text, "stop") == Action(thought="Count first.", code="print(1)\n\nprint(2)")
    assert MARKDOWN.render(text, "stop") == "Count first.\n\n```python\nprint(1)\n\nprint(2)\n```"


@pytest.mark.parametrize(
    "opening", ["```python", "```py", "```python3", "```Python", "```", "``` python title=a", "~~~py"]
)
def test_every_common_opening_is_python(opening: str) -> None:
    text = f"a\n{opening}\nx = 1\n{opening[:3]}\n"
    assert MARKDOWN.parse(text, "stop") == Action(thought="a", code="x = 1")


def test_a_bare_opening_fence_does_not_end_the_reply() -> None:
    text = "a\n```\nx = 1\n```\n\nand so on"
    assert MARKDOWN.parse(cut_at_stop(MARKDOWN, text), "stop").code == "x = 1"


@pytest.mark.parametrize(
    "code",
    [
        's = "```"',
        "s = '''\n    ```\n    quoted\n'''",
        "s = 'a'  # ```",
        "print('```python')",
        "s = '</think>'",
    ],
)
def test_fences_within_the_code_do_not_end_it(code: str) -> None:
    text = cut_at_stop(MARKDOWN, f"```python\n{code}\n```\n\nDone.")
    assert MARKDOWN.parse(text, "stop").code == code


def test_a_longer_fence_holds_a_shorter_one() -> None:
    text = "````python\ns = '''\n```\n'''\n````"
    assert MARKDOWN.parse(text, "stop").code == "s = '''\n```\n'''"


def test_a_block_of_another_language_is_part_of_the_thought() -> None:
    text = 'Data:\n```json\n{"a": 1}\n```\nSo:\n```python\nx = 1\n```'
    action = MARKDOWN.parse(text, "stop")
    assert action.code == "x = 1"
    assert action.thought.endswith("So:")
    assert action.problem is None


def test_a_reply_that_stopped_after_a_block_of_another_language_has_no_code() -> None:
    text = cut_at_stop(MARKDOWN, 'Data:\n```json\n{"a": 1}\n```\n\n```python\nx = 1\n```')
    action = MARKDOWN.parse(text, "stop")
    assert action.code is None
    assert action.problem is not None
    assert "had no code" in action.problem
    assert MARKDOWN.render(text, "stop") == text + "\n```"


@pytest.mark.parametrize("line", ["```x``` is code.", "`x` is code.", "``` `x` ```", "``"])
def test_code_within_a_line_opens_no_block(line: str) -> None:
    assert MARKDOWN.parse(f"{line}\n```python\nx = 1\n```", "stop") == Action(thought=line, code="x = 1")


def test_an_indented_block_of_a_list_item_is_read_without_its_indentation() -> None:
    text = "1. Count:\n\n   ```python\n   if x:\n       y = 1\n   ```\n"
    assert MARKDOWN.parse(text, "stop").code == "if x:\n    y = 1"


def test_windows_line_ends_are_read() -> None:
    assert MARKDOWN.parse("a\r\n```python\r\nx = 1\r\n```\r\n", "stop").code == "x = 1"


def test_of_two_fenced_blocks_the_first_runs_and_the_prompt_forgets_the_rest() -> None:
    text = "a\n```python\nx = 1\n```\nThen:\n```python\nx = 2\n```"
    action = MARKDOWN.parse(text, "stop")
    assert action.code == "x = 1"
    assert action.problem is not None
    assert "Only the first code block ran" in action.problem
    assert MARKDOWN.render(text, "stop") == "a\n```python\nx = 1\n```"


def test_a_second_block_of_another_language_is_ignored_without_a_word() -> None:
    assert MARKDOWN.parse("```python\nx = 1\n```\nprints\n```text\n1\n```", "stop") == Action(thought="", code="x = 1")


@pytest.mark.parametrize(
    ("text", "thought"),
    [
        ("<think>Maybe ```python?</think>\na\n```python\nx = 1\n```", "a"),
        ("no opening\n```python\ndraft\n```\n</think>a\n```python\nx = 1\n```", "a"),
        ("<think>never closed\n```python\nx = 1", "never closed"),
    ],
)
def test_reasoning_before_a_fenced_turn_is_not_part_of_it(text: str, thought: str) -> None:
    assert MARKDOWN.parse(text, "stop") == Action(thought=thought, code="x = 1")


# --- Both ------------------------------------------------------------------------------------------------------------

OPENING = {"rao": "<thought>a</thought>\n<python>\n", "markdown": "a\n```python\n"}


@BOTH
@pytest.mark.parametrize(
    "text", ["", "  \n", "I think about it.", "<thought>only a thought</thought>", "```json\n{}\n```"]
)
def test_a_reply_without_code_says_how_to_write_it(protocol: ActionProtocol, text: str) -> None:
    action = protocol.parse(text, "stop")
    assert action.code is None
    assert action.problem == f"Your reply had no code, so nothing ran. {protocol.how}"


@BOTH
def test_code_cut_at_its_length_does_not_run_and_stays_cut_in_the_prompt(protocol: ActionProtocol) -> None:
    text = OPENING[protocol.name] + "x = 'unfin"
    action = protocol.parse(text, "length", max_tokens=2048)
    assert action.code is None
    assert action.thought == "a"
    assert action.problem is not None
    assert "was cut off at 2048 tokens inside the code, so nothing ran. Write less." in action.problem
    assert protocol.render(text, "length") == text


@BOTH
def test_a_thought_cut_at_its_length_says_so(protocol: ActionProtocol) -> None:
    action = protocol.parse("a very long thought", "length")
    assert action.code is None
    assert action.problem is not None
    assert action.problem.startswith("Your reply was cut off before the code")


@BOTH
def test_a_reply_the_server_ended_early_does_not_run(protocol: ActionProtocol) -> None:
    action = protocol.parse(OPENING[protocol.name] + "x = 1", "repetition")
    assert action.code is None
    assert action.problem is not None
    assert "ended early (repetition) inside the code" in action.problem


@BOTH
def test_a_closed_block_runs_whatever_ended_the_reply(protocol: ActionProtocol) -> None:
    closing = {"rao": "</python>", "markdown": "\n```\n"}[protocol.name]
    assert protocol.parse(f"{OPENING[protocol.name]}x = 1{closing} and then", "length").code == "x = 1"


@BOTH
def test_an_empty_block_is_named(protocol: ActionProtocol) -> None:
    action = protocol.parse(OPENING[protocol.name] + "\n  \n", "stop")
    assert action.code is None
    assert action.problem is not None
    assert "was empty" in action.problem


@BOTH
@given(text=GARBAGE, finish_reason=st.sampled_from(["stop", "length", "abort"]))
def test_any_garbage_gives_code_or_a_problem(protocol: ActionProtocol, text: str, finish_reason: str) -> None:
    action = protocol.parse(text, finish_reason)
    assert action.code is not None or action.problem is not None
    assert action.code is None or action.code.strip()
    (action.thought + (action.code or "") + (action.problem or "")).encode()


@BOTH
@given(text=GARBAGE.filter(str.isascii))
def test_the_prompt_keeps_what_the_model_wrote_up_to_the_end_of_its_block(protocol: ActionProtocol, text: str) -> None:
    message = protocol.render(text, "stop")
    assert text.startswith(message) or message.startswith(text)


@BOTH
@given(text=GARBAGE, finish_reason=st.sampled_from(["stop", "length", "abort"]))
def test_what_was_put_into_the_prompt_reads_and_renders_the_same_again(
    protocol: ActionProtocol, text: str, finish_reason: str
) -> None:
    message = protocol.render(text, finish_reason)
    assert protocol.render(message, finish_reason) == message
    before = protocol.parse(text, finish_reason)
    after = protocol.parse(message, finish_reason)
    assert after.code == before.code
    assert before.code is None or after.thought == before.thought


@BOTH
@pytest.mark.parametrize(
    "unit",
    [
        "<python>",
        "<thought>",
        "</think>",
        "```\n",
        "```python\nx\n```\n",
        "`",
        " ",
        "\n",
        "    \n",
        "<python>a</python>",
        "é",
    ],
)
def test_a_megabyte_of_one_thing_is_read(protocol: ActionProtocol, unit: str) -> None:
    text = unit * ((1 << 20) // len(unit))
    action = protocol.parse(text, "stop")
    assert action.code is not None or action.problem is not None
    assert protocol.render(text, "stop")


def test_each_protocol_is_found_by_its_name() -> None:
    assert {name: protocol.name for name, protocol in PROTOCOLS.items()} == {"rao": "rao", "markdown": "markdown"}


def test_a_fenced_block_is_read_where_tags_were_asked_for() -> None:
    action = RAO.parse("I count.\n```python\nfinish(1)\n```\nThe answer is 1.", "stop")
    assert (action.thought, action.code) == ("I count.", "finish(1)")


def test_tags_are_read_where_a_fenced_block_was_asked_for() -> None:
    action = MARKDOWN.parse("<thought>I count.</thought>\n<python>\nfinish(1)\n</python>", "stop")
    assert (action.thought, action.code) == ("I count.", "finish(1)")
