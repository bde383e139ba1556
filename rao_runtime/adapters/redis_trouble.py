"""Tells Redis's troubles, which pass, from its refusals, which do not; and says in plain words what is the matter."""

import re

from rao_runtime.adapters.redis_wire import Disconnected, Refusal

# Inside a script the code stands after a dash, or after the words "Error running script ...".
_CODE = re.compile(
    r"(?:^|[\s-])(OOM|MISCONF|READONLY|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS"
    r"|WRONGPASS|NOAUTH)\b"
)

_WORDS = {
    "OOM": "Redis is out of memory: it takes no writes until memory is freed or maxmemory is raised",
    "MISCONF": "Redis takes no writes because it cannot save to its disk",
    "READONLY": "Redis is a read-only replica: it takes no writes",
    "LOADING": "Redis is loading its data",
    "BUSY": "Redis is busy with a script",
    "MASTERDOWN": "Redis is a replica that has lost its master",
    "CLUSTERDOWN": "the Redis Cluster is down",
    "TRYAGAIN": "the Redis Cluster is moving keys",
    "NOREPLICAS": "Redis takes no writes: too few replicas are connected",
    "WRONGPASS": "Redis refuses the user name or password",
    "NOAUTH": "Redis asks for a password",
}


class Trouble(Exception):
    """A command was not run, or nobody knows whether it was, for a reason that may pass. Its text is for people."""


def of_reply(refusal: Refusal) -> Trouble | None:
    """The trouble an error reply tells of; None where repeating the command would not help."""
    found = _CODE.search(str(refusal))
    return Trouble(_WORDS[found[1]]) if found else None


def of_connecting(where: object, error: Exception) -> Trouble:
    """Why there is no connection."""
    match error:
        case Refusal():
            return of_reply(error) or Trouble(f"Redis at {where} refuses the connection: {error}")
        case TimeoutError():
            return Trouble(f"no connection to Redis at {where}: no answer in time")
        case Disconnected():
            return Trouble(f"no connection to Redis at {where}: it hung up")
        case OSError():
            return Trouble(f"no connection to Redis at {where}: {error.strerror or type(error).__name__}")
        case _:
            return Trouble(f"no connection to Redis at {where}: {type(error).__name__}")
