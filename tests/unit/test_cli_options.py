"""Dataclasses as commands."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from rao_runtime.cli.options import taking


@dataclass(frozen=True, kw_only=True)
class Options:
    name: Annotated[str, typer.Argument()]
    often: Annotated[int, typer.Option("--often", "-o")] = 1
    word: Annotated[list[str], typer.Option()] = field(default_factory=list[str])


def program(seen: list[Options]) -> typer.Typer:
    @taking(Options)
    def run(options: Options) -> None:
        """Say hello."""
        seen.append(options)

    app = typer.Typer()
    app.command()(run)
    return app


def test_each_field_is_a_parameter() -> None:
    seen = list[Options]()
    result = CliRunner().invoke(program(seen), ["Ada", "-o", "3", "--word", "a", "--word", "b"])
    assert result.exit_code == 0
    assert seen == [Options(name="Ada", often=3, word=["a", "b"])]


def test_fields_have_their_defaults_and_never_share_them() -> None:
    seen = list[Options]()
    app = program(seen)
    for name in ("Ada", "Bob"):
        CliRunner().invoke(app, [name])
    assert seen == [Options(name="Ada"), Options(name="Bob")]
    assert seen[0].word is not seen[1].word


def test_a_field_without_a_default_is_required_and_the_docstring_is_the_help() -> None:
    assert CliRunner().invoke(program([]), []).exit_code == 2
    assert "Say hello." in CliRunner().invoke(program([]), ["--help"]).output


def test_only_a_dataclass_will_do() -> None:
    with pytest.raises(TypeError, match="str is not a dataclass"):
        taking(str)
