"""A training's command line: what could not run is refused there, in one line."""

from pathlib import Path

import pytest

from training.nn.plan import CHECKPOINT, TOKENIZER, read_plan


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--rows", "66"], "--rows is a multiple of 4"),
        (["--rows", "3"], "--rows is a multiple of 4"),
        (["--rows", "0"], "--rows is a multiple of 4"),
        (["--processes", "3"], "--processes is 1 to 2"),
        (["--processes", "0"], "--processes is 1 to 2"),
        (["--steps", "0"], "--steps and --check-every are at least 1"),
        (["--check-every", "0"], "--steps and --check-every are at least 1"),
    ],
)
def test_a_plan_that_could_not_run_is_refused(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read_plan(arguments, cuda=False)
    assert why in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_to_begin_with_has_to_hold_an_earlier_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / TOKENIZER).touch()
    with pytest.raises(SystemExit):
        read_plan(["--begin-with", str(tmp_path)], cuda=False)
    assert f"--begin-with {tmp_path}: no checkpoint.pt there" in capsys.readouterr().err
    (tmp_path / CHECKPOINT).touch()
    assert read_plan(["--begin-with", str(tmp_path)], cuda=False).begin_with == str(tmp_path)


def test_a_plan_goes_on_elsewhere_and_with_other_pauses_but_not_with_other_steps() -> None:
    plan = read_plan([], cuda=False)
    moved = read_plan(["--out", "elsewhere", "--check-every", "7", "--processes", str(plan.processes)], cuda=True)
    assert moved.lasting() == plan.lasting()
    assert read_plan(["--steps", "16000"], cuda=False).lasting() != plan.lasting()
