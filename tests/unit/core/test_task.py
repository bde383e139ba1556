from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.limits import Limits
from rao_runtime.core.task import Context, Mode, Sampling, Task, context_chars


def test_a_task_of_a_goal_alone_has_the_defaults_of_the_contract() -> None:
    task = Task(goal="Count.")
    assert (task.mode, task.auto_fraction, task.expected_output_tokens) == (Mode.AUTO, 0.5, 1000)
    assert (task.context, task.model, task.answer_schema, task.check) == (None, None, None, None)
    assert (task.limits, task.tools, task.priority, dict(task.metadata)) == (Limits(), (), 0, {})


def test_modes_are_named_as_in_the_contract() -> None:
    assert [mode.value for mode in Mode] == ["auto", "recursive", "flat"]


def test_sampling_that_says_nothing_leaves_all_to_the_profile() -> None:
    assert Sampling().as_dict() == {"temperature": None, "top_p": None, "max_tokens": None, "seed": None}
    assert Sampling(temperature=0.0, seed=0).as_dict() == {
        "temperature": 0.0,
        "top_p": None,
        "max_tokens": None,
        "seed": 0,
    }


def test_no_context_has_no_characters() -> None:
    assert context_chars(None) == 0
    assert context_chars("") == context_chars([]) == context_chars({}) == 0


@given(st.dictionaries(st.text(), st.text()))
def test_a_context_counts_the_characters_of_all_its_texts(texts: dict[str, str]) -> None:
    parts: list[Context] = [*texts.values()]
    assert context_chars(list(texts.values())) == sum(map(context_chars, parts))
    assert context_chars(texts) == context_chars([*texts, *texts.values()])
