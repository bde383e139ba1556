"""How patient a client is with its server, and what it has learned about it so far."""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rao_runtime.client.errors import Unreachable
from rao_runtime.client.problems import UNAVAILABLE, refusal, retry_after_s
from rao_runtime.client.steps import Answer, Lost

URL = "http://127.0.0.1:8000"
TIMEOUT_S = 60.0
PATIENCE_S = 60.0
SILENCE_S = 45.0  # three times what lies between two comments of a silent stream

FIRST_PAUSE_S = 0.25
MOST_PAUSE_S = 5.0
MOST_DOUBLINGS = 10
SPREAD = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What plans take from outside: monotonic seconds, a chance from 0 to 1, a new idempotency key."""

    now: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    key: Callable[[], str] = secrets.token_urlsafe


@dataclass(slots=True, kw_only=True)
class Contact:
    """One client's server.

    `timeout_s`: for how long a reply may send nothing; `silence_s`: the same for a stream. `patience_s`: for how long
    a server that is gone is tried again; `first_patience_s`: the same for one that has not answered yet.
    """

    url: str
    timeout_s: float
    silence_s: float
    patience_s: float
    first_patience_s: float
    outside: Outside = field(default_factory=Outside)
    is_known: bool = False

    def spread_s(self, pause_s: float) -> float:
        """The pause or a little more: a crowd that lost its server together shall not come back together."""
        return pause_s * (1 + SPREAD * self.outside.chance())


class Trials:
    """Tries at one thing, until it succeeds, or patience or the `deadline` (of the contact's clock) is over."""

    def __init__(self, contact: Contact, *, deadline: float | None = None) -> None:
        self.failures = 0
        self._contact = contact
        self._deadline = deadline
        self._in_a_row = 0
        self._since = 0.0

    def succeeded(self) -> None:
        """The server is there."""
        self._contact.is_known = True
        self._in_a_row = 0

    def pause_s(self, told: Answer | Lost, asked_s: float = 0.0) -> float:
        """Seconds until the next try: not sooner than was asked for, unless patience ends before; the last try is then.

        Raises what the failure was, Refused or Unreachable, where no further try makes sense.
        """
        left_s = self._left_s()
        after_s = (retry_after_s(told) or 0.0) if isinstance(told, Answer) else 0.0
        if left_s <= 0 or after_s > left_s or not _may_pass(told):
            raise refusal(told) if isinstance(told, Answer) else Unreachable(self._contact.url, told.why)
        backoff_s = min(MOST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._in_a_row, MOST_DOUBLINGS))
        self._in_a_row += 1
        self.failures += 1
        return min(self._contact.spread_s(max(asked_s, after_s, backoff_s)), left_s)

    def _left_s(self) -> float:
        contact, now = self._contact, self._contact.outside.now()
        if not self._in_a_row:
            self._since = now
        until = self._since + (contact.patience_s if contact.is_known else contact.first_patience_s)
        return (until if self._deadline is None else min(until, self._deadline)) - now


def _may_pass(told: Answer | Lost) -> bool:
    return isinstance(told, Lost) or told.status in UNAVAILABLE
