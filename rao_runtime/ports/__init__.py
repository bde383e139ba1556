"""What the engine needs from the outside, as Protocols named for their roles, and the values they speak in."""

from rao_runtime.core.values import FailedValue
from rao_runtime.ports.blobs import Blobs
from rao_runtime.ports.cell import (
    CELL_FUNCTIONS,
    Done,
    Hold,
    Host,
    HostCall,
    Killed,
    Later,
    Outcome,
    Output,
    Parked,
    Raise,
    Raised,
    Return,
    Stop,
    Stopped,
)
from rao_runtime.ports.clock import Clock
from rao_runtime.ports.dispatch import Dispatch, RunTree
from rao_runtime.ports.journal import Claim, Command, Journal, JournalHealth
from rao_runtime.ports.ledger import Ledger, Record, RecordPage, RecordQuery
from rao_runtime.ports.model import Finished, Message, Model, ModelRequest, ServedModel, TextDelta, Traits, Vitals
from rao_runtime.ports.observer import Observer, TreeWatch
from rao_runtime.ports.sandbox import CellLimits, Sandbox, Session, SessionSpec
from rao_runtime.ports.tools import Effects, Tool, Toolbox, ToolSpec
from rao_runtime.ports.tree_index import Retention, TreeEntry, TreeIndex

__all__ = [
    "CELL_FUNCTIONS",
    "Blobs",
    "CellLimits",
    "Claim",
    "Clock",
    "Command",
    "Dispatch",
    "Done",
    "Effects",
    "FailedValue",
    "Finished",
    "Hold",
    "Host",
    "HostCall",
    "Journal",
    "JournalHealth",
    "Killed",
    "Later",
    "Ledger",
    "Message",
    "Model",
    "ModelRequest",
    "Observer",
    "Outcome",
    "Output",
    "Parked",
    "Raise",
    "Raised",
    "Record",
    "RecordPage",
    "RecordQuery",
    "Retention",
    "Return",
    "RunTree",
    "Sandbox",
    "ServedModel",
    "Session",
    "SessionSpec",
    "Stop",
    "Stopped",
    "TextDelta",
    "Tool",
    "ToolSpec",
    "Toolbox",
    "Traits",
    "TreeEntry",
    "TreeIndex",
    "TreeWatch",
    "Vitals",
]
