"""The state of one stand-in replica, shared by all its requests and changeable while it runs."""

import time
from collections import deque

from rao_runtime.standin.batch import KvBatch
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.faults import CATALOGUE, HEALTHY, Fault, drawn
from rao_runtime.standin.ledger import Ledger
from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, Script
from rao_runtime.standin.slots import Slots


class Replica:
    """Settings, script, ledger, and slots; where a KV cache is wanted, `batch` takes the place of the slots."""

    def __init__(self, config: StandInConfig, script: Script) -> None:
        self.config = config
        self.script = script
        self.slots = Slots(config.slots, config.queue_limit)
        self.ledger = Ledger(time.monotonic)
        self.batch = None if config.kv_blocks is None else KvBatch(config, self.ledger)
        self._next_faults: deque[str] = deque()

    def configure(self, config: StandInConfig) -> None:
        """Take these settings for the requests to come; requests in their slots stay as they are. Raises ValueError."""
        self.check(config)
        self.config = config
        self.slots.resize(config.slots, config.queue_limit)
        if self.batch is not None:
            self.batch.configure(config)

    def check(self, config: StandInConfig) -> None:
        """Raises ValueError where these settings cannot be taken while the replica runs."""
        for name in ("kv_blocks", "block_size"):
            if getattr(config, name) != getattr(self.config, name):
                raise ValueError(f"{name}: is fixed at the start")

    def check_room(self) -> None:
        """Raises QueueFull when one more request could neither run nor wait."""
        (self.batch or self.slots).check_room()

    def fail_next(self, *names: str) -> None:
        """Let the next requests meet these faults, one each; `""` lets one pass. Raises ValueError for unknown ones."""
        for name in names:
            if name != "" and name not in CATALOGUE:
                raise ValueError(f"no fault is called {name!r}")
        self._next_faults.extend(names)

    def fault_of(self, request_id: str, reply: Reply) -> Fault:
        """What befalls this request: the fault next in line, else the script's, else one drawn from the rates.

        Raises Refusal (500) where the script names one that is none: what was meant to fail must not pass as healthy.
        """
        name = self._next_faults.popleft() if self._next_faults else reply.fault
        if name is None:
            return drawn(self.config.faults, self.config.seed, request_id)
        if name == "":
            return HEALTHY
        if name not in CATALOGUE:
            raise Refusal(500, f"the script asks for the fault {name!r}; there are {', '.join(CATALOGUE)}")
        return CATALOGUE[name]

    def reply_to(self, request: ChatRequest) -> Reply:
        """What the script writes. A script that raises is a replica that fails: Refusal with status 500."""
        try:
            return self.script.reply(request)
        except Refusal:
            raise
        except Exception as error:  # the script is the user's code, any of its faults is the replica's
            raise Refusal(500, f"the script failed: {error!r}") from error
