"""Cells as agents write them: what works everywhere, and what Monty's Python lacks and says so."""

from collections.abc import AsyncGenerator

import pytest

from rao_runtime.adapters.monty import SANDBOX_NOTES, MontySandbox
from rao_runtime.ports import Raised, Sandbox
from tests.conformance.sandbox_hosts import MAKERS, Maker, run, shown, spec

WORKS = {
    "match {'a': 1}:\n    case {'a': n}:\n        print(n)": "1",
    "words = 'b a b'.split()\nsorted(set(words), key=lambda w: (-words.count(w), w))": "['b', 'a']",
    "from collections import Counter\nCounter('aab').most_common(1)": "[('a', 2)]",
    "from collections import defaultdict\nd = defaultdict(list)\nd['a'].append(1)\ndict(d)": "{'a': [1]}",
    "import re\nre.findall(r'(\\w+)@(\\w+)', 'me@home you@work')": "[('me', 'home'), ('you', 'work')]",
    "import json\njson.loads(json.dumps({'a': [1, None, True]}))": "{'a': [1, None, True]}",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: int = 2\nP(1)": "P(x=1, y=2)",
    "class A:\n    def __init__(self, n): self.n = n\n    def __repr__(self): return f'A{self.n}'\n[A(1)]": "[A1]",
    "class Log:\n  def __enter__(self): return 5\n  def __exit__(self, *a): pass\nwith Log() as n: print(n)": "5",
    "from functools import reduce, lru_cache\nreduce(lambda a, b: a * b, [1, 2, 3, 4])": "24",
    "import itertools\nlist(itertools.islice(itertools.count(3), 2))": "[3, 4]",
    "import math\nmath.isclose(math.sqrt(2) ** 2, 2), math.ceil(1.2)": "(True, 2)",
    "first, *rest = [1, 2, 3]\nfirst, rest": "(1, [2, 3])",
    "{**{'a': 1}, 'b': 2} | {'c': 3}": "{'a': 1, 'b': 2, 'c': 3}",
    "def f():\n  n = 0\n  def g():\n    nonlocal n\n    n += 1\n    return n\n  return g\nf()()": "1",
    "n = 0\ndef count():\n    global n\n    n += 1\ncount()\nn": "1",
    "try: int('x')\nexcept ValueError as e: print(type(e).__name__)\nfinally: print('end')": "ValueError\nend",
    "f\"{'a':>3}|{3.14159:.2f}|{1234567:,}|{[1]!r}\"": "'  a|3.14|1,234,567|[1]'",
    "[(i, line.upper()) for i, line in enumerate('one\\ntwo\\n'.splitlines(), 1)]": "[(1, 'ONE'), (2, 'TWO')]",
    "(n := 10) // 3, n % 3, divmod(n, 3)": "(3, 1, (3, 1))",
    "sum(x * x for x in range(4)), max([1, 3], default=0), any([])": "(14, 3, False)",
    "list(zip('ab', [1, 2])), [1, 2, 3][::-1]": "([('a', 1), ('b', 2)], [3, 2, 1])",
    "import asyncio\nasync def one(i):\n    return i\nawait asyncio.gather(*[one(i) for i in range(3)])": "[0, 1, 2]",
    "import hashlib\nhashlib.sha256(b'a').hexdigest()[:8]": "'ca978112'",
    "import datetime\ndatetime.date(2024, 2, 28) + datetime.timedelta(days=2)": "datetime.date(2024, 3, 1)",
    "def f(a, /, b=2, *args, c, **rest):\n  return a, b, args, c, rest\nf(1, c=3, d=4)": "(1, 2, (), 3, {'d': 4})",
}

# Each of these is told to the model in SANDBOX_NOTES under the word given.
MISSING = {
    "class A: pass\nclass B(A): pass": "inheritance",
    "class MyError(Exception): pass": "exception classes",
    "class A:\n    @property\n    def x(self): return 1\nA().x": "@property",
    "class A:\n    @staticmethod\n    def x(): return 1\nA.x()": "@staticmethod",
    "class A:\n    def __len__(self): return 1\nlen(A())": "__len__",
    "class A:\n    def __lt__(self, o): return True\nA() < A()": "__lt__",
    "def g():\n    yield 1\nlist(g())": "yield",
    "x = [1]\ndel x[0]": "del",
    "dir()": "dir",
    "def f(): pass\nf.__name__": "f.__name__",
    "'a'.translate({})": "translate",
    "import asyncio\nasyncio.create_task": "create_task",
    "import asyncio\nasyncio.wait_for": "wait_for",
    "import asyncio\nawait asyncio.gather(asyncio.sleep(0), return_exceptions=True)": "return_exceptions",
    "import statistics": "statistics",
    "import heapq": "heapq",
    "import enum": "enum",
    "import io": "io",
    "import contextlib": "contextlib",
    "import uuid": "uuid",
    "list(map(str.lower, ['A']))": "map(str.lower",
}


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
async def sandbox(request: pytest.FixtureRequest) -> AsyncGenerator[Sandbox]:
    make: Maker = request.param
    async with make() as made:
        yield made


@pytest.mark.parametrize(("code", "printed"), WORKS.items(), ids=lambda text: text[:30])
async def test_a_typical_cell_works(sandbox: Sandbox, code: str, printed: str) -> None:
    assert await shown(sandbox.session(spec()), code) == printed


@pytest.mark.parametrize(("code", "word"), MISSING.items(), ids=lambda text: text[:30])
async def test_what_monty_lacks_is_an_error_and_in_the_notes(code: str, word: str) -> None:
    async with MontySandbox(1) as monty:
        session = monty.session(spec())
        outcome = await run(session, code)
        assert isinstance(outcome, Raised), "no longer missing: take it out of the notes"
        assert await shown(session, "1") == "1"
    assert word in SANDBOX_NOTES


def test_the_notes_are_short_enough_for_every_prompt() -> None:
    assert len(SANDBOX_NOTES) <= 1200
