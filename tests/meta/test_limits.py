"""The repository keeps to its own rules."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for folder in ("rao_runtime", "server", "training", "examples") for path in (ROOT / folder).rglob("*.py")
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_source_file_is_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_function_is_short(path: Path) -> None:
    long = [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION_LINES]
    assert long == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_module_is_an_attic() -> None:
    attics = [relative(p) for p in SOURCES if p.stem in {"util", "utils", "helpers", "misc", "common"}]
    assert attics == []


def names_used(path: Path) -> Iterator[str]:
    """Dotted names that are called, and the parameters of functions: what text in a string says does not count."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
        elif isinstance(node, ast.arg):
            yield node.arg


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_no_test_sleeps_or_mocks(path: Path) -> None:
    forbidden = {"asyncio.sleep", "time.sleep", "anyio.sleep", "Mock", "MagicMock", "monkeypatch", "pytest.skip"}
    assert forbidden.isdisjoint(names_used(path))


def test_nothing_committed_names_a_place_on_this_machine() -> None:
    places = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|tmp)/[\w.]")
    files = [p for p in [*SOURCES, *TESTS, *ROOT.glob("*.*"), *(ROOT / "docs").glob("*")] if p.is_file()]
    found = [relative(p) for p in files if places.search(p.read_text()) and p.name != "test_limits.py"]
    assert found == []


def test_every_layer_of_the_tests_exists() -> None:
    for part in ("unit", "stateful", "sim", "conformance", "contract", "integration"):
        assert any((ROOT / "tests" / part).rglob("test_*.py")), part


def test_the_changelog_has_a_place_for_what_comes() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()
