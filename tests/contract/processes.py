"""The gateway and its replica as processes, the way an operator starts them."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def program(module: str, **environment: str) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """`python -m module`, and the URL it prints first. Killed at the end if it is still there."""
    command = [sys.executable, "-m", module]
    # Settings of whoever runs the tests must not reach it.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAO_")}
    with subprocess.Popen(command, env=clean | environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def gateway_process(**environment: str) -> Generator[tuple[subprocess.Popen[str], str, str], None, None]:
    """A gateway and a stand-in: the gateway's process, its URL and the stand-in's URL."""
    with program("rao_runtime.standin") as (_, replica):
        settings = {"RAO_REPLICAS": replica, "RAO_PORT": "0", "RAO_SANDBOX_WORKERS": "1", "RAO_REDIS_URL": "memory://"}
        settings["RAO_PRIME"] = "false"
        with program("server", **(settings | environment)) as (process, url):
            yield process, url, replica
