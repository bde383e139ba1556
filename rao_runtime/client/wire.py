"""Carries out the steps of a plan over httpx, blocking."""

import time
from collections.abc import Iterator, Mapping
from typing import TypeVar, cast

import httpx

from rao_runtime.client.http import ENDED, answer, build, lost
from rao_runtime.client.steps import Ask, Open, Pause, Plan, Read, Request, Step, Told

T = TypeVar("T")


class Wire:
    """One plan's connection. `headers` are those of the stream it has open."""

    def __init__(self, http: httpx.Client) -> None:
        self.headers: Mapping[str, str] = {}
        self._http = http
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] = iter(())

    def run(self, plan: Plan[T]) -> T:
        """The plan's result."""
        told: Told = None
        try:
            while True:
                told = self.do(plan.send(told))
        except StopIteration as end:
            return cast("T", end.value)
        finally:
            plan.close()
            self.close()

    def do(self, step: Step) -> Told:
        """Carry out one step; what the plan is to be told."""
        try:
            match step:
                case Ask(request):
                    response = self._http.send(build(self._http, request))
                    return answer(response, response.content)
                case Open(request):
                    return self._open(request)
                case Read():
                    return next((chunk for chunk in self._chunks if chunk), ENDED)
                case Pause(seconds):
                    self.close()
                    time.sleep(seconds)
                    return None
        except httpx.RequestError as error:
            return lost(error)

    def close(self) -> None:
        """Leave the stream that is open, if any."""
        response, self._response, self._chunks = self._response, None, iter(())
        if response is not None:
            response.close()

    def _open(self, request: Request) -> Told:
        self.close()
        self._response = response = self._http.send(build(self._http, request), stream=True)
        if not response.is_success:
            return answer(response, response.read())
        self._chunks = response.iter_bytes()
        told = answer(response)
        self.headers = told.headers
        return told
