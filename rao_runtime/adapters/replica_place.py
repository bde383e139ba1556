"""Where a local replica runs: its port, its share of the GPUs, and so its command and environment."""

import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rao_runtime.adapters.replica_process import ReplicaLaunch
from rao_runtime.core.gpu_shares import shares, visible_devices
from rao_runtime.core.vllm_flags import all_flags, devices_wanted

HOST = "127.0.0.1"
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_KEY = "VLLM_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServing:
    """What is served how often, and how: `command`, model, port and flags make one replica's command line."""

    count: int
    model: str
    command: Sequence[str]
    flags: Sequence[str] = ()
    api_key: str | None = None


def launches(serving: LocalServing, ports: Sequence[int], environ: Mapping[str, str]) -> list[ReplicaLaunch]:
    """One for each port; replicas share this machine's GPUs evenly."""
    devices = visible_devices(environ.get(_VISIBLE), found=_gpus())
    share_of = shares(devices, len(ports), wanted=devices_wanted(serving.flags))
    # What configures us is not for other programs to read: there are keys among it. A replica that took another key
    # from our environment would refuse our calls.
    clean = {name: value for name, value in environ.items() if not name.startswith("RAO_") and name != _KEY}
    if serving.api_key:
        clean[_KEY] = serving.api_key
    return [
        ReplicaLaunch(
            name=f"replica-{number}",
            command=[
                *serving.command,
                serving.model,
                *("--host", HOST, "--port", str(port)),
                *all_flags(serving.flags),
            ],
            environment=clean | ({_VISIBLE: ",".join(share)} if share else {}),
        )
        for number, (port, share) in enumerate(zip(ports, share_of, strict=True))
    ]


@contextmanager
def reserved_port() -> Generator[int]:
    """A free port, which the system gives to nobody who does not ask for it by number.

    A replica can listen there, again and again: this socket never does, and both allow that the address is shared.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


def _gpus() -> int:
    """How many NVIDIA GPUs this machine, or this container, has."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))
