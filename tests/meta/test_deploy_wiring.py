"""In the stack of deploy/, what is sent to a place finds somebody who listens there."""

import json
import re
from urllib.parse import urlsplit

import pytest

from rao_runtime.telemetry import names
from rao_runtime.telemetry.metrics_variables import read as read_metrics
from rao_runtime.telemetry.otel_variables import read as read_tracing
from tests.meta.stack import DEPLOY, GPU, SIZES, Content, read, stack, texts, variables

STACK = stack(variables(GPU))
COLLECTOR = read(DEPLOY / "otel-collector.yaml")
JAEGER = read(DEPLOY / "jaeger.yaml")
PROMETHEUS = read(DEPLOY / "prometheus.yaml")
DATASOURCE = read(DEPLOY / "grafana" / "datasource.yaml")["datasources"][0]

PAGE = DEPLOY.parent / "server" / "ui" / "main.js"

# A tree of 10,000 nodes: each has its own span and those of its calls and cells.
SPANS_OF_A_LARGE_TREE = 50_000

# What cannot be read from a file of ours: where programs listen if nobody tells them otherwise.
USUAL = {"rao": {8000}, "vllm": {8000}, "valkey": {6379}, "prometheus": {9090}, "grafana": {3000}}


def open_ports(config: Content) -> set[int]:
    """Where a collector, or Jaeger, listens for others: each `0.0.0.0:port`, and its own metrics."""
    found = {int(text.removeprefix("0.0.0.0:")) for text in texts(config) if text.startswith("0.0.0.0:")}
    readers = config["service"].get("telemetry", {}).get("metrics", {}).get("readers", [])
    return found | {reader["pull"]["exporter"]["prometheus"]["port"] for reader in readers}


LISTENING = {**USUAL, "otel-collector": open_ports(COLLECTOR), "jaeger": open_ports(JAEGER)}
FILES = {path.name: read(path) for path in DEPLOY.rglob("*.yaml")}


def received(protocol: str) -> int:
    """The collector's port for a protocol of OTLP."""
    endpoint = COLLECTOR["receivers"]["otlp"]["protocols"][protocol]["endpoint"]
    return int(endpoint.rpartition(":")[2])


def place(url: str) -> tuple[str | None, int | None]:
    """Host and port."""
    parts = urlsplit(url)
    return parts.hostname, parts.port


@pytest.mark.parametrize("name", FILES)
def test_every_service_and_port_that_a_file_names_is_there(name: str) -> None:
    services = "|".join(map(re.escape, STACK.services))
    for text in texts(FILES[name]):
        for service, port in re.findall(rf"(?:^|//|@)({services}):(\d+)", text):
            assert int(port) in LISTENING[service], text


def test_what_is_published_is_listened_on() -> None:
    for name, service in STACK.services.items():
        assert {int(port.rpartition(":")[2]) for port in service.ports} <= LISTENING[name], name


def test_health_is_asked_where_it_is_told() -> None:
    for name, service in STACK.services.items():
        asked = re.findall(r"127\.0\.0\.1:(\d+)", " ".join(service.healthcheck.test if service.healthcheck else []))
        assert set(map(int, asked)) <= LISTENING[name], name


def test_the_spans_of_the_server_go_to_the_collector_by_a_protocol_that_both_speak() -> None:
    tracing = read_tracing(STACK.services["rao"].environment)
    assert tracing is not None
    assert tracing.otlp is not None
    assert place(tracing.otlp.endpoint) == ("otel-collector", received("http"))
    assert tracing.resource["service.name"] == "rao"


def test_the_spans_of_vllm_go_there_by_the_protocol_that_it_speaks() -> None:
    assert place(STACK.flag("vllm", "--otlp-traces-endpoint")) == ("otel-collector", received("grpc"))


def test_the_metrics_of_the_server_are_collected_once() -> None:
    assert read_metrics(STACK.services["rao"].environment) is None
    assert [job["job_name"] for job in PROMETHEUS["scrape_configs"]].count("rao") == 1


def test_spans_go_on_to_jaeger_and_are_not_cut_off_by_a_limit_there() -> None:
    exporter = COLLECTOR["exporters"]["otlp_http/jaeger"]
    receiver = JAEGER["receivers"]["otlp"]["protocols"]["http"]
    assert place(exporter["endpoint"]) == ("jaeger", int(receiver["endpoint"].rpartition(":")[2]))
    arriving = COLLECTOR["receivers"]["otlp"]["protocols"]["http"]["max_request_body_size"]
    assert receiver["max_request_body_size"] > arriving, "what the collector takes, Jaeger would refuse"


def test_the_collector_has_room_for_a_large_tree_and_says_no_before_it_runs_out_of_memory() -> None:
    queue = COLLECTOR["exporters"]["otlp_http/jaeger"]["sending_queue"]
    limiter = COLLECTOR["processors"]["memory_limiter"]
    memory = STACK.services["otel-collector"].mem_limit
    assert queue["sizer"] == "items"
    assert queue["queue_size"] >= 2 * SPANS_OF_A_LARGE_TREE
    assert queue["block_on_overflow"]
    assert queue["batch"]["min_size"] <= queue["batch"]["max_size"]
    assert memory is not None
    assert limiter["limit_mib"] <= 0.8 * int(memory[:-1]) * SIZES[memory[-1]]
    assert limiter["spike_limit_mib"] < limiter["limit_mib"]


@pytest.mark.parametrize("config", [COLLECTOR, JAEGER], ids=["collector", "jaeger"])
def test_pipelines_are_made_of_what_is_described_and_nothing_is_described_in_vain(config: Content) -> None:
    pipelines = config["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines for name in pipeline.get(kind, [])}
        assert used == set(config.get(kind, {})), kind
    assert set(config["service"].get("extensions", [])) == set(config.get("extensions", {}))


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_memory_is_looked_at_before_anything_else(signal: str) -> None:
    assert COLLECTOR["service"]["pipelines"][signal]["processors"][0] == "memory_limiter"


def test_jaeger_writes_and_shows_the_same_store_and_forgets_before_memory_is_full() -> None:
    ((name, backend),) = JAEGER["extensions"]["jaeger_storage"]["backends"].items()
    assert JAEGER["exporters"]["jaeger_storage_exporter"]["trace_storage"] == name
    assert JAEGER["extensions"]["jaeger_query"]["storage"]["traces"] == name
    assert backend["memory"]["max_traces"] > 0


def test_a_tree_links_to_its_trace_where_jaeger_shows_it() -> None:
    link = urlsplit(STACK.services["rao"].environment["RAO_TRACE_URL"])
    query = JAEGER["extensions"]["jaeger_query"]["http"]["endpoint"]
    assert f"127.0.0.1:{link.port}:{query.rpartition(':')[2]}" in STACK.services["jaeger"].ports
    assert link.path == "/trace/{trace_id}"


def test_a_span_links_to_its_tree_and_node_on_the_page() -> None:
    query, jaeger = JAEGER["extensions"]["jaeger_query"], STACK.services["jaeger"]
    mounted = {target: source for source, target, _ in jaeger.mounts()}
    patterns = json.loads((DEPLOY / mounted[query["ui"]["config_file"]]).read_text("utf-8"))["linkPatterns"]
    assert {pattern["key"] for pattern in patterns} == {names.TREE_ID, names.NODE_ID}
    (route,) = re.findall(r"^const ROUTE = /(.+)/;$", PAGE.read_text("utf-8"), re.MULTILINE)
    for pattern in patterns:
        assert set(re.findall(r"#\{(.+?)\}", pattern["url"])) <= {names.TREE_ID, names.NODE_ID}
        link = urlsplit(re.sub(r"#\{.+?\}", "01k", pattern["url"]))
        assert f"127.0.0.1:{link.port}:8000" in STACK.services["rao"].ports
        assert link.path == "/ui/"
        assert re.fullmatch(route, f"#{link.fragment}")


def test_prometheus_asks_services_of_the_stack_and_finds_its_rules() -> None:
    for job in PROMETHEUS["scrape_configs"]:
        for found in job.get("dns_sd_configs", []):
            assert found["type"] == "A"
            for name in found["names"]:
                assert found["port"] in LISTENING[name]
        for target in (target for group in job.get("static_configs", []) for target in group["targets"]):
            name, _, port = target.partition(":")
            assert int(port) in LISTENING[name]
    mounted = {target: source for source, target, _ in STACK.services["prometheus"].mounts()}
    assert [mounted[rules] for rules in PROMETHEUS["rule_files"]] == ["./alerts.yaml"]
    assert mounted["/etc/prometheus/prometheus.yml"] == "./prometheus.yaml"


def test_every_scraped_service_is_one_that_prometheus_can_reach_and_rao_and_vllm_are_among_them() -> None:
    jobs = {job["job_name"] for job in PROMETHEUS["scrape_configs"]}
    assert jobs == {"rao", "vllm", "otel-collector", "otlp"}


def test_grafana_asks_prometheus_and_finds_its_dashboard() -> None:
    assert DATASOURCE["type"] == "prometheus"
    assert place(DATASOURCE["url"]) == ("prometheus", 9090)
    grafana = STACK.services["grafana"]
    mounted = {target: source for source, target, _ in grafana.mounts()}
    (provider,) = read(DEPLOY / "grafana" / "dashboards.yaml")["providers"]
    home = grafana.environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounted[home] == "./grafana/rao.json"
    assert home.startswith(provider["options"]["path"] + "/")
    assert DATASOURCE["jsonData"]["timeInterval"] == PROMETHEUS["global"]["scrape_interval"]
