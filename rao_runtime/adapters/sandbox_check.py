"""The check, in the sandbox, that the arguments of a host call are plain data."""

MAX_VALUES = 250_000
"""How many values, counted as a tree, the arguments of one call may hold: the host takes them in under its GIL."""

MAX_DEPTH = 64
"""How deep the arguments of one call may be nested."""

# Plain Python that both sandboxes run; it needs `Failed` in its scope.
CHECK_SOURCE = f"""\
scalars = {{type(None), bool, int, float, str, bytes}}
nests = {{list, tuple, set, frozenset, dict}}

def check(name, values):
    left = [{MAX_VALUES}]
    for value in values:
        weigh(name + '(): an argument ', [value], left, 0)

def weigh(where, values, left, depth):
    left[0] -= len(values)
    if left[0] < 0:
        raise ValueError(where + 'holds more than {MAX_VALUES:,} values')
    if depth > {MAX_DEPTH}:
        raise TypeError(where + 'contains itself, or is nested deeper than {MAX_DEPTH} levels')
    if set(map(type, values)) <= scalars:
        return
    for value in values:
        kind = type(value)
        if kind in nests:
            weigh(where, value, left, depth + 1)
            if kind is dict:
                weigh(where, value.values(), left, depth + 1)
        elif kind not in scalars and not isinstance(value, Failed):
            raise TypeError(where + described(value, kind))

def described(value, kind):
    name = str(kind)[8:-2]
    what = 'is or holds a ' + name + ', which cannot leave the sandbox; pass plain data'
    if isinstance(value, dict):
        return what + ', here dict(...)'
    return what + ' (None, bool, int, float, str, bytes, list, tuple, dict, set)'
"""
