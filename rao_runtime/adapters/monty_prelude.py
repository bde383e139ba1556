"""The Python that every session starts with: guarded host functions, and how a cell's last value is shown."""

from rao_runtime.adapters.sandbox_source import SHOW

CELL = "_rao_cell"
CHECK = "_rao_check"

# Everything the guards use is bound in a closure: cells like to call a variable `list`, `type` or `print`.
# A guard is synchronous, so the host hears of a launch at the call. What it hands back is awaited through `wait`: Monty
# counts calls per cell and would take an old handle for a call of the present cell.
# The thorough check is fetched only when a call has more than scalars for arguments: every dump carries the prelude,
# and loading it is a good part of a small cell's time.
_GUARDS = f"""\
{CELL} = 0
def _rao_make(fetch):
    kind, distinct, every, show, text, run, late_use = type, set, map, print, repr, exec, RuntimeError
    scalars = {{type(None), bool, int, float, str, bytes}}
    scope = {{'Failed': Failed}}

    async def wait(handle, cell, name):
        if cell != {CELL}:
            raise late_use(name + '(): this call was made by an earlier cell and ended with it; call again')
        return await handle

    late = kind(wait(0, 0, ''))

    def guard(call, name):
        def guarded(*args, **kwargs):
            if not distinct(every(kind, [*args, *kwargs.values()])) <= scalars:
                if 'check' not in scope:
                    run(fetch(), scope)
                scope['check'](name, [*args, *kwargs.values()])
            answer = call(*args, **kwargs)
            return wait(answer, {CELL}, name) if kind(answer) is late else answer
        return guarded

    return guard, lambda value: None if value is None else show(text(value))

_rao_guard, {SHOW} = _rao_make({CHECK})
"""


def prelude(functions: tuple[str, ...]) -> str:
    """The cell that sets a session up; `Failed`, the bare functions and `CHECK` must be among its inputs."""
    return _GUARDS + "".join(f"{name} = _rao_guard({name}, {name!r})\n" for name in functions)
