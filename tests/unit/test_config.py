"""Settings: where a value comes from, what is refused and in which words, and the page that documents them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.config import ConfigError, Settings, load
from rao_runtime.config.document import settings_page
from rao_runtime.config.settings import LogLevel, describe
from rao_runtime.core.pricing import Price
from rao_runtime.core.profile import CallSampling, Profile, PromptVersion, ProtocolName
from rao_runtime.core.task import Sampling

EMPTY = Path(__file__).parent  # a folder without a rao.toml


def from_env(**variables: str) -> Settings:
    return load(environ=variables, directory=EMPTY)


def from_toml(folder: Path, content: str, environ: Mapping[str, str] | None = None) -> Settings:
    (folder / "rao.toml").write_text(content, "utf-8")
    return load(environ=environ or {}, directory=folder)


def problem(folder: Path, content: str) -> str:
    with pytest.raises(ConfigError) as refused:
        from_toml(folder, content)
    return str(refused.value).replace(str(folder / "rao.toml"), "rao.toml")


def test_nothing_set_gives_the_defaults() -> None:
    assert from_env() == Settings()
    settings = Settings()
    assert (settings.port, settings.sync_wait_s, settings.max_context_bytes) == (8000, 50.0, 8 << 20)
    assert (settings.ceilings.max_depth, settings.ceilings.deadline_s) == (32, 86_400.0)
    assert settings.sandbox_memory_bytes == 64 << 20


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "rao.toml").write_text("[server]\nport = 1\nhost = 'file'\nmodel = 'file'\n")
    environ = {"RAO_PORT": "2", "RAO_HOST": "env"}
    settings = load({"port": 3, "host": None}, environ=environ, directory=tmp_path)
    assert (settings.port, settings.host, settings.model) == (3, "env", "file")


def test_the_file_is_the_one_named_and_the_nearest_name_wins(tmp_path: Path) -> None:
    for name in ("flag", "variable", "rao"):
        (tmp_path / f"{name}.toml").write_text(f"[server]\nhost = '{name}'\n")
    environ = {"RAO_CONFIG": str(tmp_path / "variable.toml")}
    flag = {"config": tmp_path / "flag.toml"}
    assert load(flag, environ=environ, directory=tmp_path).host == "flag"
    assert load(environ=environ, directory=tmp_path).host == "variable"
    assert load(environ={}, directory=tmp_path).host == "rao"


def test_every_kind_of_value_is_read_from_the_environment() -> None:
    settings = from_env(
        RAO_REPLICAS="http://a:8001/, https://b/v1,http://a:8001",
        RAO_REPLICA_VLLM_FIELDS="No",
        RAO_PROTOCOL="Markdown",
        RAO_LOG_LEVEL="WARNING",
        RAO_SYNC_WAIT_S="0.5",
        RAO_MAX_ACTIVE_TREES="1_000",
        RAO_CEILING_MAX_DEPTH="0",
        RAO_CEILING_DEADLINE_S="60",
    )
    assert settings.replicas == ("http://a:8001", "https://b")
    assert settings.replica_vllm_fields is False
    assert (settings.protocol, settings.log_level) == (ProtocolName.MARKDOWN, LogLevel.WARNING)
    assert (settings.sync_wait_s, settings.max_active_trees) == (0.5, 1000)
    assert (settings.ceilings.max_depth, settings.ceilings.deadline_s) == (0, 60.0)
    assert settings.ceilings.max_nodes == 100_000


def test_an_empty_variable_is_unset_and_another_programs_is_ignored() -> None:
    assert from_env(RAO_MODEL="", RAO_PORT="", PORT="9") == Settings()


def test_an_unknown_variable_is_warned_of() -> None:
    settings = from_env(RAO_PROT="9000", RAO_QWERTYUIOP="1")
    assert settings.port == 8000
    assert settings.warnings == (
        "RAO_PROT is set, and there is no such setting; did you mean RAO_PORT?",
        "RAO_QWERTYUIOP is set, and there is no such setting",
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RAO_PORT", "http", "RAO_PORT (environment): 'http' is not a whole number from 0 to 65,535"),
        ("RAO_PORT", "70000", "RAO_PORT (environment): '70000' is not a whole number from 0 to 65,535"),
        ("RAO_PORT", "8e3", "RAO_PORT (environment): '8e3' is not a whole number from 0 to 65,535"),
        ("RAO_SYNC_WAIT_S", "nan", "RAO_SYNC_WAIT_S (environment): 'nan' is not a number from 0 to 3,600"),
        ("RAO_RETAIN_S", "inf", "RAO_RETAIN_S (environment): 'inf' is not a number of at least 0"),
        ("RAO_PROTOCOL", "xml", "RAO_PROTOCOL (environment): 'xml' is not `rao` or `markdown`"),
        ("RAO_MODEL", "  ", "RAO_MODEL (environment): '  ' is not text that is not empty"),
        ("RAO_REPLICA_VLLM_FIELDS", "2", "RAO_REPLICA_VLLM_FIELDS (environment): '2' is not true or false"),
        ("RAO_CEILING_MAX_NODES", "0", "RAO_CEILING_MAX_NODES (environment): '0' is not a whole number of at least 1"),
    ],
)
def test_a_bad_variable_is_named_with_its_value_and_what_is_allowed(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        from_env(**{name: value})
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "url",
    [
        *("a:8001", "ftp://a", "http://", "http://u:p@a", "http://a?x=1", "http://a:99999", "http://[", "http://a,b"),
        *("http://10.0.0.300:8000", "http://[1]", "http://a b", "http://a\\b", "http://v1/../\x7f"),
    ],
)
def test_a_replica_that_is_no_plain_base_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="RAO_REPLICAS"):
        from_env(RAO_REPLICAS=url)


def test_a_server_that_is_named_in_several_ways_is_one_replica() -> None:
    settings = from_env(RAO_REPLICAS="http://a:1,http://a:1/v1, http://a:1/ ,http://a:1/v1/,http://b/x/v1")
    assert settings.replicas == ("http://a:1", "http://b/x")


@given(name=st.sampled_from([setting.env for setting in describe()]), value=st.text(max_size=400))
def test_no_text_in_a_variable_does_worse_than_a_config_error(name: str, value: str) -> None:
    with suppress(ConfigError):
        from_env(**{name: value})


def test_a_number_of_a_thousand_digits_is_a_config_error() -> None:
    for name in ("RAO_PORT", "RAO_RETAIN_TREES", "RAO_RETAIN_S"):
        with pytest.raises(ConfigError, match=name):
            from_env(**{name: "-" + "9" * 1000})


def test_the_api_key_is_shown_nowhere() -> None:
    assert "sk-1" not in repr(from_env(RAO_REPLICA_API_KEY="sk-1"))
    with pytest.raises(ConfigError) as refused:
        load({"replica_api_key": ["sk-1"]}, environ={}, directory=EMPTY)
    assert str(refused.value) == "replica_api_key (command line): that value is not text that is not empty"


def test_an_unknown_override_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean port"):
        load({"prot": 1}, environ={}, directory=EMPTY)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"RAO_CONFIG.*cannot read .*none.toml: No such file"):
        load(environ={"RAO_CONFIG": str(tmp_path / "none.toml")}, directory=tmp_path)
    with pytest.raises(ConfigError, match="cannot read"):
        load({"config": str(tmp_path)}, environ={}, directory=tmp_path)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    settings = from_toml(
        tmp_path,
        """
        [server]
        replicas = ["http://a:1", "http://b:2"]
        protocol = "markdown"
        sync_wait_s = 1
        [server.ceilings]
        max_nodes = 7
        [[profiles]]
        model = "plain"
        [[profiles]]
        model = "full"
        protocol = "rao"
        prompt = "nano"
        window = 4096
        bytes_per_token = 2.5
        stop = ["END", "\\n"]
        options = { chat_template_kwargs = { enable_thinking = false }, top_k = 20 }
        [profiles.sampling]
        temperature = 0
        max_tokens = 512
        [profiles.price]
        input = 0.15
        cached_input = "0.075"
        output = 3
        version = "v1"
        """,
    )
    assert settings.replicas == ("http://a:1", "http://b:2")
    assert settings.sync_wait_s == 1.0
    assert settings.ceilings.max_nodes == 7
    assert settings.profile_for("plain") == Profile(model="plain", protocol=ProtocolName.MARKDOWN)
    assert settings.profile_for("other") == Profile(model="other", protocol=ProtocolName.MARKDOWN)
    assert settings.profile_for("full") == Profile(
        model="full",
        protocol=ProtocolName.RAO,
        prompt=PromptVersion.NANO,
        window=4096,
        bytes_per_token=2.5,
        sampling=CallSampling(temperature=0.0, max_tokens=512),
        price=Price(input=Decimal("0.15"), cached_input=Decimal("0.075"), output=Decimal(3), version="v1"),
        options={"chat_template_kwargs": {"enable_thinking": False}, "top_k": 20},
        stop=("END", "\n"),
    )


def test_cached_input_costs_as_much_as_input_where_not_told(tmp_path: Path) -> None:
    price = "[profiles.price]\ninput = 0.1\noutput = 0.2\nversion = 'v'\n"
    settings = from_toml(tmp_path, f"[[profiles]]\nmodel = 'm'\n{price}")
    assert settings.profile_for("m").price == Price(
        input=Decimal("0.1"), cached_input=Decimal("0.1"), output=Decimal("0.2"), version="v"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1", "x (rao.toml): there is no such setting; there are profiles, server"),
        ("sever = {}", "sever (rao.toml): there is no such setting; did you mean server?"),
        ("[server]\nprot = 1", "server.prot (rao.toml): there is no such setting; did you mean port?"),
        ("[server]\nport = 'x'", "port (rao.toml): 'x' is not a whole number from 0 to 65,535"),
        ("[server]\nport = 8000.0", "port (rao.toml): 8000.0 is not a whole number from 0 to 65,535"),
        ("[server]\nport = true", "port (rao.toml): True is not a whole number from 0 to 65,535"),
        ("server = 3", "server (rao.toml): 3 is not a table"),
        ("[server]\nceilings = 3", "server.ceilings (rao.toml): 3 is not a table"),
        ("[server.ceilings]\nnodes = 3", "server.ceilings.nodes (rao.toml): there is no such setting; did you mean"),
        ("[server.ceilings]\nmax_nodes = -1", "ceiling_max_nodes (rao.toml): -1 is not a whole number of at least 1"),
        ("[server]\nreplicas = [1]", "replicas (rao.toml): [1] is not base URLs"),
        ("[profiles]\nmodel = 'm'", "profiles (rao.toml): write each profile as a [[profiles]] table"),
        ("[[profiles]]\nprompt = '1'", "profiles.model (rao.toml): is missing"),
        ("[[profiles]]\nmodel = ''", "profiles.model (rao.toml): '' is not text that is not empty"),
        ("[[profiles]]\nmodel = 'm'\nwindw = 1", "profiles.windw (rao.toml): there is no such setting; did you mean"),
        ("[[profiles]]\nmodel = 'm'\n[[profiles]]\nmodel = 'm'", "profiles.model (rao.toml): 'm' has two profiles"),
        ("[[profiles]]\nmodel = 'm'\nstop = [1]", "profiles.stop (rao.toml): [1] is not a list of texts"),
        ("[[profiles]]\nmodel = 'm'\noptions = { at = 2026-01-01 }", "profiles.options (rao.toml): {'at': datetime"),
        (
            "[[profiles]]\nmodel = 'm'\nsampling = { top_p = 0 }",
            "profiles[m].sampling.top_p (rao.toml): 0 is not a number from 1e-06 to 1",
        ),
        ("[[profiles]]\nmodel = 'm'\nprice = { input = 1 }", "profiles[m].price.output (rao.toml): is missing"),
        (
            "[[profiles]]\nmodel = 'm'\nprice = { input = -1, output = 1, version = 'v' }",
            "profiles[m].price.input (rao.toml): -1 is not an amount in USD",
        ),
        (
            "[[profiles]]\nmodel = 'm'\nprice = { input = nan, output = 1, version = 'v' }",
            "profiles[m].price.input (rao.toml): nan is not an amount in USD",
        ),
        ("[server", "config (found there): rao.toml is not TOML: "),
        ("a = 1\na = 2", "config (found there): rao.toml is not TOML: "),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    assert problem(tmp_path, content).startswith(message)


def test_the_sandbox_grows_with_the_context() -> None:
    assert from_env(RAO_MAX_CONTEXT_BYTES=str(100 << 20)).sandbox_memory_bytes == (416 << 20)


def test_a_sandbox_too_small_for_the_context_stops_the_start() -> None:
    with pytest.raises(ConfigError) as refused:
        from_env(RAO_MAX_CONTEXT_BYTES="20000000", RAO_SANDBOX_MEMORY_BYTES="64000000")
    assert str(refused.value) == (
        "sandbox_memory_bytes (environment): 64000000 is too little for max_context_bytes 20000000 (environment),"
        " which takes at least 96777216"
    )


def test_a_profile_completes_what_a_task_asks_for() -> None:
    profile = Profile(model="m", sampling=CallSampling(temperature=0.1, max_tokens=99))
    assert profile.sampling_for(Sampling(temperature=0.0, top_p=0.5)) == CallSampling(
        temperature=0.0, top_p=0.5, max_tokens=99
    )
    assert profile.sampling_for(Sampling()) == profile.sampling
    assert [profile.estimated_tokens(size) for size in (0, 1, 3, 4)] == [0, 1, 1, 2]


def test_every_setting_is_described_once_and_readable_from_its_own_default() -> None:
    described = list(describe())
    names = {setting.name for setting in described}
    assert len(names) == len(described) == len({setting.env for setting in described})
    assert {entry.name for entry in fields(Settings)} - names == {"ceilings", "profiles", "warnings"}
    for setting in described:
        if setting.default is not None:
            assert setting.kind.read(setting.default) == setting.default


def test_the_settings_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text("utf-8") == settings_page(), "run: python -m rao_runtime.config > docs/settings.md"


def test_the_example_in_the_settings_page_can_be_used(tmp_path: Path) -> None:
    example = settings_page().partition("```toml\n")[2].partition("```")[0]
    settings = from_toml(tmp_path, example)
    assert settings.profile_for("Qwen/Qwen3-8B").price is not None


@pytest.mark.parametrize("url", ["https://jaeger.example/trace/{trace_id}", "http://j:1/x?t={trace_id}#y"])
def test_a_trace_is_linked_to_where_the_operator_says(url: str, tmp_path: Path) -> None:
    assert load(environ={"RAO_TRACE_URL": url}, directory=tmp_path).trace_url == url


@pytest.mark.parametrize(
    "url", ["http://jaeger/trace/", "jaeger/{trace_id}", "ftp://j/{trace_id}", "http:///{trace_id}", "http://j/{id}"]
)
def test_a_link_without_a_place_for_the_trace_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`http` or `https` URL with `\{trace_id\}` in it"):
        load(environ={"RAO_TRACE_URL": url}, directory=tmp_path)
