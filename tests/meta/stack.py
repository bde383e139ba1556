"""The stack of deploy/ as Docker Compose reads it: variables filled in, unknown keys refused.

The models are those parts of the Compose specification that the file uses; any other key fails until it is added here.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

DEPLOY = Path(__file__).parents[2] / "deploy"
GPU = DEPLOY / "gpu.env"
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z_]+):-(?P<default>[^{}]*)\}|(?P<other>))")

# What a YAML file holds; each test looks for what it needs, and fails where that is missing.
Content: TypeAlias = Any

Duration = Annotated[str, StringConstraints(pattern=r"^\d+[smh]$")]
Size = Annotated[str, StringConstraints(pattern=r"^\d+[mg]$")]
SECONDS = {"s": 1, "m": 60, "h": 3600}
SIZES = {"m": 1, "g": 1024}  # in MiB


class Part(BaseModel):
    """A part of the file that may hold nothing but what is named here."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Build(Part):
    context: str


class Dependency(Part):
    condition: Literal["service_started", "service_healthy"]


class Healthcheck(Part):
    test: list[str]
    interval: Duration
    timeout: Duration
    retries: int = Field(ge=1)
    start_period: Duration | None = None


class Device(Part):
    driver: str
    count: int
    capabilities: list[str]


class Reservations(Part):
    devices: list[Device]


class Resources(Part):
    reservations: Reservations


class Deployment(Part):
    resources: Resources


class Service(Part):
    image: str
    build: Build | None = None
    profiles: list[str] = []
    restart: Literal["unless-stopped"]
    command: list[str] = []
    environment: dict[str, str] = {}
    ports: list[str] = []
    volumes: list[str] = []
    depends_on: dict[str, Dependency] = {}
    healthcheck: Healthcheck | None = None
    stop_grace_period: Duration = "10s"
    cap_drop: list[str] = []
    security_opt: list[str] = []
    mem_limit: Size | None = None
    shm_size: Size | None = None
    deploy: Deployment | None = None

    @property
    def patience_s(self) -> int:
        """How long Docker waits for its end before it kills it."""
        return int(self.stop_grace_period[:-1]) * SECONDS[self.stop_grace_period[-1]]

    def mounts(self) -> Iterator[tuple[str, str, bool]]:
        """What is mounted, where, and whether it cannot be written."""
        for volume in self.volumes:
            source, target, *mode = volume.split(":")
            yield source, target, mode == ["ro"]


class Stack(Part):
    name: str
    services: dict[str, Service]
    volumes: dict[str, None]

    def flag(self, service: str, flag: str) -> str:
        """What follows a flag in a service's command."""
        command = self.services[service].command
        return command[command.index(flag) + 1]


def read(path: Path) -> Content:
    """A YAML file as it stands."""
    return yaml.safe_load(path.read_text("utf-8"))


def texts(node: Content) -> Iterator[str]:
    """Every text in a file, keys aside."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        yield from texts(list(cast("dict[str, Content]", node).values()))
    elif isinstance(node, list):
        for value in cast("list[Content]", node):
            yield from texts(value)


def filled(node: Content, given: Mapping[str, str]) -> Content:
    """The same with each `${NAME:-default}` filled in. Raises ValueError for any other form of a variable."""

    def value(match: re.Match[str]) -> str:
        if match["other"] is not None:
            raise ValueError(f"write variables as ${{NAME:-default}}: {match.string}")
        return "$" if match["escaped"] else given.get(match["name"]) or match["default"]

    if isinstance(node, dict):
        return {key: filled(each, given) for key, each in cast("dict[str, Content]", node).items()}
    if isinstance(node, list):
        return [filled(each, given) for each in cast("list[Content]", node)]
    return VARIABLE.sub(value, node) if isinstance(node, str) else node


def variables(path: Path) -> dict[str, str]:
    """The lines of an env file."""
    lines = (line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def stack(given: Mapping[str, str] | None = None, path: Path = DEPLOY / "compose.yaml") -> Stack:
    """The stack with these variables set. Raises ValueError where the file says what we do not know."""
    return Stack.model_validate(filled(read(path), given or {}))
