"""The server, as commands reach it."""

from rao_runtime.cli.errors import BadInput
from rao_runtime.client import AsyncClient

PATIENCE_S = 30.0


def connected(server: str) -> AsyncClient:
    """A client of that server. Raises BadInput for what is no URL.

    A server that is not there is told at once, since somebody waits; one that was there is given time to restart.
    """
    try:
        return AsyncClient(server, patience_s=PATIENCE_S, first_patience_s=0.0)
    except ValueError as error:
        raise BadInput(str(error)) from error
