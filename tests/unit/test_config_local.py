"""Settings of replicas that are started here."""

from pathlib import Path

import pytest

from rao_runtime.config import ConfigError, Settings, load
from rao_runtime.config.document import settings_page

EMPTY = Path(__file__).parent  # a folder without a rao.toml


def from_env(**variables: str) -> Settings:
    return load(environ=variables, directory=EMPTY)


def test_words_of_a_command_come_as_a_shell_would_split_them_or_as_a_list(tmp_path: Path) -> None:
    settings = from_env(RAO_VLLM_COMMAND="'a b/vllm' serve", RAO_VLLM_FLAGS="-tp 2 --override '{\"x\": 1}'")
    assert settings.vllm_command == ("a b/vllm", "serve")
    assert settings.vllm_flags == ("-tp", "2", "--override", '{"x": 1}')
    (tmp_path / "rao.toml").write_text('[server]\nvllm_flags = ["--name", "a b"]\n')
    assert load(environ={}, directory=tmp_path).vllm_flags == ("--name", "a b")
    assert load({"vllm_flags": ["-x"]}, environ={}, directory=tmp_path).vllm_flags == ("-x",)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RAO_VLLM_COMMAND", " ", "RAO_VLLM_COMMAND (environment): ' ' is not text with words as in a shell"),
        ("RAO_VLLM_COMMAND", "vllm 'serve", 'RAO_VLLM_COMMAND (environment): "vllm \'serve" is not text'),
        ("RAO_VLLM_FLAGS", "-tp 2 --port 1", "vllm_flags (environment): --port is chosen for each replica"),
        ("RAO_VLLM_FLAGS", "--api-key=k", "vllm_flags (environment): --api-key is for RAO_REPLICA_API_KEY to say"),
        ("RAO_LOCAL_REPLICAS", "65", "RAO_LOCAL_REPLICAS (environment): '65' is not a whole number from 0 to 64"),
        ("RAO_LOCAL_REPLICAS", "2", "local_replicas (environment): needs model: the name or the folder"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        from_env(**{name: value})
    assert str(refused.value).startswith(said)


def test_a_server_that_runs_no_trees_starts_no_replicas() -> None:
    with pytest.raises(ConfigError, match="start them with the workers"):
        from_env(RAO_LOCAL_REPLICAS="1", RAO_MODEL="m", RAO_WORKER="no", RAO_REDIS_URL="redis://host")


def test_a_word_no_process_can_be_given_is_refused() -> None:
    for name, value in (("vllm_flags", ["a\0b"]), ("model", "a\0b")):
        with pytest.raises(ConfigError, match=name):
            load({name: value}, environ={}, directory=EMPTY)


def test_local_replicas_answer_instead_of_the_model_in_this_process() -> None:
    assert from_env().embedded
    assert not from_env(RAO_LOCAL_REPLICAS="1", RAO_MODEL="m").embedded


def test_the_default_model_goes_by_the_name_under_which_local_replicas_serve_it() -> None:
    flags = "--served-model-name short long"
    assert from_env(RAO_LOCAL_REPLICAS="1", RAO_MODEL="m", RAO_VLLM_FLAGS=flags).default_model == "short"
    assert from_env(RAO_LOCAL_REPLICAS="1", RAO_MODEL="m").default_model == "m"
    assert from_env(RAO_MODEL="m", RAO_VLLM_FLAGS=flags).default_model == "m"
    assert from_env().default_model is None


def test_the_page_of_settings_shows_a_command_as_it_is_typed() -> None:
    assert "| `vllm_command` | `RAO_VLLM_COMMAND` | `vllm serve` |" in settings_page()


def test_a_server_that_runs_no_trees_has_no_model_in_its_process() -> None:
    assert from_env(RAO_REDIS_URL="redis://host").embedded
    assert not from_env(RAO_REDIS_URL="redis://host", RAO_WORKER="no").embedded
