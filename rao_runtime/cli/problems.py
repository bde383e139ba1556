"""Why the client got no answer, in lines people can read."""

from collections.abc import Iterator

from rao_runtime.cli.errors import UNREACHABLE, USAGE, CliError, NoAnswer
from rao_runtime.cli.plain import one_line
from rao_runtime.client import ClientError, Fault, Problem, Refused, StrangeAnswer, Unreachable

MAX_FAULTS = 20
START_ONE = "Start one with `rao serve`, or name another with --server or RAO_SERVER."


def explained(error: ClientError) -> CliError:
    """What ends the command."""
    match error:
        case Refused():
            status = USAGE if 400 <= error.status < 500 else UNREACHABLE
            return NoAnswer(_title(error.problem), list(_details(error.problem)), status=status)
        case Unreachable():
            return NoAnswer(one_line(str(error)), [START_ONE], status=UNREACHABLE)
        case _:
            return NoAnswer(one_line(str(error)), status=UNREACHABLE)


def _title(problem: Problem) -> str:
    return f"{one_line(problem.title)} ({problem.status})"


def _details(problem: Problem) -> Iterator[str]:
    if problem.detail and problem.detail != problem.title:
        yield one_line(problem.detail)
    yield from map(_line, problem.faults[:MAX_FAULTS])
    if len(problem.faults) > MAX_FAULTS:
        yield f"… and {len(problem.faults) - MAX_FAULTS} more"
    if not problem.is_ours:
        yield one_line(str(StrangeAnswer(problem.url)))
    if problem.retry_after_s is not None:
        yield f"Try again in {problem.retry_after_s:.0f} s."


def _line(fault: Fault) -> str:
    where, what = one_line(".".join(map(str, fault.loc)), 100), one_line(fault.msg)
    return f"{where}: {what}" if where else what
