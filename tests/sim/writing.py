"""How simulated models write a turn down, and how they know where they are: from the prompt alone, like a real one."""

from rao_runtime.core.profile import ProtocolName
from rao_runtime.ports import ModelRequest


def written(code: str, protocol: ProtocolName = ProtocolName.RAO) -> str:
    """One cell as a model writes it."""
    if protocol is ProtocolName.RAO:
        return f"<thought>next</thought>\n<python>\n{code}\n</python>"
    return f"Next.\n\n```python\n{code}\n```"


def goal_of(request: ModelRequest) -> str:
    """The first line of the node's goal."""
    first = next(message.content for message in request.messages if message.role == "user")
    return first.rpartition("Goal: ")[2].partition("\n")[0]


def turn_of(request: ModelRequest) -> int:
    """How many turns the node has behind it."""
    return sum(message.role == "assistant" for message in request.messages)


def last_seen(request: ModelRequest) -> str:
    """The newest observation."""
    return request.messages[-1].content
