"""Asks before a server starts whether it can have its port, to say in one line why not."""

import errno
import socket

from rao_runtime.cli.errors import CannotListen


def check_port(host: str, port: int) -> None:
    """Raises CannotListen where nothing can listen there. Port 0 is always free: the system chooses."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server itself will do: a port whose last user has just left is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise CannotListen(_explained(error, host, port)) from error


def _explained(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return f"there is no host {host}: {error.strerror}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; choose another with --port, or --port 0 for any that is free"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} may not be used by this user; choose one from 1024 on with --port"
    return f"cannot listen on {host} port {port}: {error.strerror}"
