"""Which trees may have calls in the ready queue, when only so many are to be active at once."""

from rao_runtime.core.ready_queue import ReadyQueue, Ticket


class TreeGate:
    """Keeps the calls of trees that are not admitted. A tree that is stays so until it ended, whatever the limit.

    `limit` is how many trees may be active, None for any number. Call `opened` whenever it changed and after every
    `ended`: until then nobody is let in, and a tree that comes new goes behind those that wait. Tickets without a tree
    are never kept. Every ticket that is offered comes out once: at once, from `opened`, by `remove`, or as its
    tree ends. The gate costs what a ready queue does.

    `queue` orders the trees by the best ticket of each, and belongs to the gate alone; give it the same order and
    `service` as the ready queue, or trees are admitted in another order than their calls are served.
    """

    def __init__(self, queue: ReadyQueue | None = None, *, limit: int | None = None) -> None:
        self.limit = limit
        self._queue = ReadyQueue() if queue is None else queue
        self._admitted = set[str]()
        self._kept = dict[str, dict[int, Ticket]]()  # by tree, in the order they came
        self._tree_of = dict[int, str]()

    def __len__(self) -> int:
        """How many tickets are kept."""
        return len(self._tree_of)

    @property
    def active(self) -> int:
        """How many trees are admitted and have not ended."""
        return len(self._admitted)

    def offer(self, ticket: Ticket) -> bool:
        """Whether the ticket may go to the ready queue now; if not, it is kept here.

        Raises ValueError when one of its id is kept already.
        """
        if not ticket.tree or ticket.tree in self._admitted:
            return True
        if not self._kept and self._has_room():
            self._admitted.add(ticket.tree)
            return True
        self._queue.push(ticket)
        self._tree_of[ticket.ticket_id] = ticket.tree
        self._kept.setdefault(ticket.tree, {})[ticket.ticket_id] = ticket
        return False

    def remove(self, ticket_id: int) -> bool:
        """Drop a ticket, e.g. of a cancelled node; False when it is not kept here."""
        tree = self._tree_of.pop(ticket_id, None)
        if tree is None:
            return False
        self._queue.remove(ticket_id)
        del self._kept[tree][ticket_id]
        if not self._kept[tree]:
            del self._kept[tree]
        return True

    def ended(self, tree: str) -> None:
        """The tree is over and its last call made. Tickets of it that are still kept are dropped."""
        self._admitted.discard(tree)
        self._take(tree)

    def opened(self, now: float) -> list[Ticket]:
        """The tickets of trees that are admitted with this call: push them to the ready queue, in this order."""
        tickets = list[Ticket]()
        while self._has_room() and (best := self._queue.peek(now)) is not None:
            self._admitted.add(best.tree)
            tickets += self._take(best.tree)
        return tickets

    def _has_room(self) -> bool:
        return self.limit is None or len(self._admitted) < self.limit

    def _take(self, tree: str) -> list[Ticket]:
        taken = list(self._kept.pop(tree, {}).values())
        for ticket in taken:
            del self._tree_of[ticket.ticket_id]
            self._queue.remove(ticket.ticket_id)
        return taken
