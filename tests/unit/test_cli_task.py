"""From what was typed to the body of a request."""

import json
from pathlib import Path

import pytest

from rao_runtime.cli import task
from rao_runtime.cli.errors import USAGE, BadInput
from rao_runtime.cli.solve_options import SolveOptions


def test_only_what_was_given_is_sent() -> None:
    assert SolveOptions(goal="Count.").body() == {"goal": "Count."}


def test_everything_that_was_given_is_sent_under_the_names_of_the_api() -> None:
    options = SolveOptions(
        goal="g",
        context_text="c",
        mode="flat",
        model="m",
        schema='{"type": "integer"}',
        check="answer > 0",
        priority=3,
        metadata=["team=search", "note=a=b"],
        max_depth=1,
        max_nodes=2,
        max_children=3,
        max_turns=4,
        max_tokens=5,
        max_cost="1.50",
        deadline=6.5,
        temperature=0.0,
        top_p=0.9,
        max_output_tokens=7,
        seed=0,
    )
    assert options.body() == {
        "goal": "g",
        "context": "c",
        "mode": "flat",
        "model": "m",
        "answer_schema": {"type": "integer"},
        "check": "answer > 0",
        "priority": 3,
        "metadata": {"team": "search", "note": "a=b"},
        "limits": {
            "max_depth": 1,
            "max_nodes": 2,
            "max_children": 3,
            "max_turns": 4,
            "max_tokens": 5,
            "max_cost": "1.50",
            "deadline_s": 6.5,
        },
        "sampling": {"temperature": 0.0, "top_p": 0.9, "max_tokens": 7, "seed": 0},
    }


def test_one_file_is_a_text_and_several_are_named_texts(tmp_path: Path) -> None:
    march, april = tmp_path / "march.txt", tmp_path / "april.txt"
    march.write_text("größer", "utf-8")
    april.write_text("", "utf-8")
    assert task.context([str(march)], None) == "größer"
    assert task.context([str(march), str(april)], None) == {"march.txt": "größer", "april.txt": ""}


def test_files_of_the_same_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    files = [tmp_path / folder / "notes" for folder in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text(file.parent.name, "utf-8")
    assert task.context([str(file) for file in files], None) == {str(files[0]): "a", str(files[1]): "b"}


def test_an_empty_text_is_a_context_too() -> None:
    assert SolveOptions(goal="g", context_text="").body() == {"goal": "g", "context": ""}


def test_a_schema_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps({"type": "string"}), "utf-8")
    assert task.schema(f"@{file}") == {"type": "string"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SolveOptions(goal="g", context=["-", "-"]), "standard input can be read once only"),
        (SolveOptions(goal="g", context=["x"], context_text="y"), "give either --context or --context-text"),
        (SolveOptions(goal="g", context=["no/such/file"]), "cannot read no/such/file: No such file or directory"),
        (SolveOptions(goal="g", schema="{"), "--schema is not JSON"),
        (SolveOptions(goal="g", schema="@no/such/file"), "cannot read no/such/file"),
        (SolveOptions(goal="g", metadata=["team"]), "--metadata 'team' is not NAME=VALUE"),
        (SolveOptions(goal="g", metadata=["=x"]), "--metadata '=x' is not NAME=VALUE"),
        (SolveOptions(goal="g", deadline=float("nan")), "this cannot be sent as JSON"),
        (SolveOptions(goal="\udcff"), "this cannot be sent as JSON"),
    ],
)
def test_what_makes_no_sense_is_explained(options: SolveOptions, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        options.body()
    assert message in raised.value.message
    assert raised.value.status == USAGE


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("x", "utf-8")
    with pytest.raises(BadInput, match="given twice"):
        task.context([str(file), str(file)], None)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(b"ab\xff")
    with pytest.raises(BadInput, match="is not UTF-8 text: invalid start byte at byte 2"):
        task.context([str(file)], None)
