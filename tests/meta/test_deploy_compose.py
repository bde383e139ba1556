"""The stack of deploy/ holds together, as far as that can be told without Docker."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from redis import AuthenticationError, Redis

from rao_runtime.config import Settings, load
from rao_runtime.core.vllm_flags import DEFAULTS, all_flags, refused, served_name
from tests.conformance.redis_servers import server
from tests.meta.stack import DEPLOY, GPU, Stack, stack, variables

ROOT = DEPLOY.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()

GRAFANAS = "a password of Grafana's"

# What ends before Docker kills it has this much time to spare.
SPARE_S = 5

LAPTOP, ON_GPU = stack(), stack(variables(GPU))
BOTH = pytest.mark.parametrize("on", [LAPTOP, ON_GPU], ids=["laptop", "gpu"])


def instruction(name: str) -> str:
    (found,) = re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)
    return found


def settings_of(on: Stack, tmp_path: Path) -> Settings:
    """The settings that the server in the container finds: the image's variables, the stack's, and the mounted file."""
    image = dict(pair.split("=", 1) for pair in instruction("ENV").split())
    rao = on.services["rao"]
    environ = {**image, **rao.environment}
    named = environ.get("RAO_CONFIG")
    if named:
        (source,) = (source for source, target, _ in rao.mounts() if target == named)
        environ["RAO_CONFIG"] = str(DEPLOY / source)
    return load(environ=environ, directory=tmp_path)


@BOTH
def test_every_variable_of_the_server_is_a_setting_with_a_value_it_takes(on: Stack, tmp_path: Path) -> None:
    settings = settings_of(on, tmp_path)
    assert settings.warnings == ()
    assert settings.shared_store is not None


def test_a_laptop_gets_the_model_in_the_server_and_no_file_of_settings(tmp_path: Path) -> None:
    settings = settings_of(LAPTOP, tmp_path)
    assert settings.embedded
    assert settings.profiles == ()


def test_with_a_gpu_the_server_asks_the_vllm_of_the_stack_and_knows_its_model_and_price(tmp_path: Path) -> None:
    settings = settings_of(ON_GPU, tmp_path)
    vllm = ON_GPU.services["vllm"]
    model = served_name(vllm.command[0], vllm.command[1:])
    assert settings.replicas == ("http://vllm:8000",)
    assert settings.profile_for(model) in settings.profiles
    assert settings.profile_for(model).price is not None
    assert variables(GPU)["COMPOSE_PROFILES"] in vllm.profiles


def test_the_variables_for_a_gpu_are_all_used() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    unused = [name for name in variables(GPU) if f"${{{name}:-" not in text]
    assert unused == ["COMPOSE_PROFILES"]


@BOTH
def test_the_server_has_time_to_hand_over_before_it_is_killed(on: Stack, tmp_path: Path) -> None:
    assert on.services["rao"].patience_s >= settings_of(on, tmp_path).drain_s + SPARE_S


def test_the_image_listens_where_it_says_and_where_the_stack_looks() -> None:
    exposed = instruction("EXPOSE")
    assert f"RAO_PORT={exposed}" in instruction("ENV").split()
    assert f":{exposed}/livez" in DOCKERFILE
    assert all(port.endswith(f":{exposed}") for port in LAPTOP.services["rao"].ports)
    assert (DEPLOY / (build.context if (build := LAPTOP.services["rao"].build) else "") / "Dockerfile").is_file()


def test_vllm_has_the_flags_that_the_pool_wants_and_time_to_finish_its_calls() -> None:
    vllm = ON_GPU.services["vllm"]
    assert all_flags(vllm.command) == tuple(vllm.command), "it leaves one of ours open"
    for name, values in DEFAULTS.items():
        at = vllm.command.index(f"--{name}")
        assert tuple(vllm.command[at + 1 : at + 1 + len(values)]) == values
    assert refused(vllm.command) is None
    assert vllm.patience_s >= int(ON_GPU.flag("vllm", "--shutdown-timeout")) + SPARE_S


def test_both_know_the_same_key() -> None:
    keyed = stack({"VLLM_API_KEY": "open sesame"})
    assert keyed.services["rao"].environment["RAO_REPLICA_API_KEY"] == "open sesame"
    assert keyed.services["vllm"].environment["VLLM_API_KEY"] == "open sesame"


@BOTH
def test_every_image_is_of_one_version(on: Stack) -> None:
    for name, service in on.services.items():
        tag = service.image.rpartition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+\.\d+(-alpine)?", tag) or (service.build and tag == "local"), name


@BOTH
def test_nothing_listens_beyond_this_machine(on: Stack) -> None:
    published = [port for service in on.services.values() for port in service.ports]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in published), published
    assert len(set(published)) == len(published)


@BOTH
def test_what_is_mounted_exists_and_no_file_of_ours_can_be_written(on: Stack) -> None:
    used = set[str]()
    for service in on.services.values():
        for source, target, read_only in service.mounts():
            assert target.startswith("/")
            if source.startswith("./"):
                assert (DEPLOY / source).is_file(), source
                assert read_only, source
            else:
                used.add(source)
    assert used == set(on.volumes)


@BOTH
def test_who_waits_for_another_waits_for_one_that_can_get_there(on: Stack) -> None:
    for name, service in on.services.items():
        for wanted, dependency in service.depends_on.items():
            other = on.services[wanted]
            assert not other.profiles, f"{name} would not start without the profile of {wanted}"
            assert dependency.condition == "service_started" or other.healthcheck, f"{wanted} never gets healthy"


@BOTH
def test_every_service_is_checked_but_the_one_that_has_no_program_to_do_it(on: Stack) -> None:
    unchecked = {name for name, service in on.services.items() if not service.healthcheck}
    assert unchecked == {"rao", "otel-collector"}
    assert "HEALTHCHECK" in DOCKERFILE


def test_a_password_is_the_same_wherever_it_is_used_and_never_a_fixed_one() -> None:
    ours = stack({"VALKEY_PASSWORD": "s3cret", "GRAFANA_PASSWORD": GRAFANAS})
    assert ours.flag("valkey", "--requirepass") == "s3cret"
    assert ours.services["valkey"].environment["VALKEYCLI_AUTH"] == "s3cret"
    assert ":s3cret@valkey:" in ours.services["rao"].environment["RAO_REDIS_URL"]
    assert ours.services["grafana"].environment["GF_SECURITY_ADMIN_PASSWORD"] == GRAFANAS
    assert "laptop" not in str(ours.model_dump()), "a default is left where a value was given"


def test_the_store_of_the_stack_keeps_everything_evicts_nothing_and_asks_for_the_password() -> None:
    program, *options = LAPTOP.services["valkey"].command
    assert program == "valkey-server"
    with server("valkey", *options) as running, Redis(unix_socket_path=running.socket) as stranger:
        with pytest.raises(AuthenticationError):
            stranger.get("a tree")
        with Redis(unix_socket_path=running.socket, password=LAPTOP.flag("valkey", "--requirepass")) as store:
            told = store.config_get("append*", "maxmemory-policy")  # pyright: ignore[reportUnknownMemberType] - its stub
    kept = {"appendonly": "yes", "maxmemory-policy": "noeviction", "appendfsync": "everysec"}
    assert kept.items() <= told.items()


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("stop_grace_period: 20s", "stop_grace_periode: 20s"),
        ("restart: unless-stopped", "restart: sometimes"),
        ("interval: 5s", "interval: 5"),
        ("condition: service_healthy", "condition: healthy"),
        ("count: 1", "count: one"),
    ],
)
def test_a_slip_in_the_file_is_found(was: str, becomes: str, tmp_path: Path) -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    assert was in text
    (tmp_path / "compose.yaml").write_text(text.replace(was, becomes, 1))
    with pytest.raises(ValidationError):
        stack(path=tmp_path / "compose.yaml")


def test_a_variable_that_compose_would_take_otherwise_is_found(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("name: $NAME")
    with pytest.raises(ValueError, match="write variables as"):
        stack(path=tmp_path / "compose.yaml")


def test_no_key_is_there_twice() -> None:
    files = [*DEPLOY.rglob("*.yaml")]
    assert len(files) >= 5
    for file in files:
        for mapping in mappings(yaml.compose(file.read_text("utf-8"), yaml.SafeLoader)):
            keys = [key.value for key, _ in mapping.value]
            assert len(keys) == len(set(keys)), f"{file.name}: {keys}"


def mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Every mapping in a file. YAML lets a key stand twice, and keeps the last."""
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from mappings(value)
