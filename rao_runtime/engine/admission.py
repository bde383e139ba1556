"""The door: a task that cannot run is turned away with every reason at once, before anything is kept of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rao_runtime.core.errors import Fault, InvalidRequest
from rao_runtime.core.limits import Ceilings, over_ceiling
from rao_runtime.core.pricing import why_no_cap
from rao_runtime.core.profile import Profile
from rao_runtime.core.schema import compile_schema
from rao_runtime.core.task import Task
from rao_runtime.engine.contexts import encoded
from rao_runtime.engine.launch import MAX_GOAL_CHARS, read_check

UNNAMED = "needs a model with a price, and no replica told this server its default: name a `model`, or set RAO_MODEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the server has and allows.

    `profile` has the price sheet in force now; it is None while the model is not known yet but may turn up.
    """

    ceilings: Ceilings
    max_context_bytes: int
    profile: Profile | None
    known_models: Mapping[str, int | None]
    all_models_known: bool
    tools: frozenset[str]


def admit(task: Task, house: House) -> None:
    """Let the task in. Raises InvalidRequest with all its faults."""
    faults = [
        *over_ceiling(task.limits, house.ceilings),
        *_text_faults(task, house),
        *_model_faults(task, house),
        *_answer_faults(task),
    ]
    faults += [Fault(("tools", i), "no such tool") for i, name in enumerate(task.tools) if name not in house.tools]
    if faults:
        raise InvalidRequest(faults)


def _text_faults(task: Task, house: House) -> Iterator[Fault]:
    if not task.goal.strip():
        yield Fault(("goal",), "is empty")
    if len(task.goal) > MAX_GOAL_CHARS:
        yield Fault(("goal",), f"has {len(task.goal)} characters; at most {MAX_GOAL_CHARS} are allowed")
    if task.context is not None:
        size = len(encoded(task.context))
        if size > house.max_context_bytes:
            yield Fault(("context",), f"has {size} bytes; this server allows {house.max_context_bytes}")
    if not 0 < task.auto_fraction <= 1:
        yield Fault(("auto_fraction",), "must be over 0 and at most 1")
    if not -10 <= task.priority <= 10:
        yield Fault(("priority",), "must be from -10 to 10")


def _model_faults(task: Task, house: House) -> Iterator[Fault]:
    profile = house.profile
    if task.model is not None and house.all_models_known and task.model not in house.known_models:
        served = ", ".join(sorted(house.known_models)) or "none"
        yield Fault(("model",), f"is not served here; these are: {served}")
    elif task.limits.max_cost is not None:
        why = UNNAMED if profile is None else why_no_cap(profile.model, profile.price)
        if why is not None:
            yield Fault(("limits", "max_cost"), why)


def _answer_faults(task: Task) -> Iterator[Fault]:
    if task.answer_schema is not None:
        try:
            compile_schema(task.answer_schema)
        except ValueError as error:
            yield Fault(("answer_schema",), str(error))
    try:
        read_check(task.check)
    except (TypeError, ValueError) as error:
        yield Fault(("check",), str(error))
