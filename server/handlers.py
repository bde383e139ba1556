"""From exceptions to problems, for the whole app."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from rao_runtime.core.errors import Fault, RaoError
from server.body import plain, short
from server.problems import INVALID, MALFORMED, METHOD_NOT_ALLOWED, NOT_FOUND, Kind, Problem, Refused, problem_of

METHODS = ("GET", "POST", "DELETE")
KINDS = {400: MALFORMED, 404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}


def install(app: FastAPI) -> None:
    """Register them all."""
    app.exception_handler(Refused)(_refused)
    app.exception_handler(RaoError)(_runtime_error)
    app.exception_handler(RequestValidationError)(_bad_parameters)
    app.exception_handler(HTTPException)(_http_error)


async def _refused(request: Request, error: Refused) -> Response:
    return error.problem.response(request.scope["path"])


async def _runtime_error(request: Request, error: RaoError) -> Response:
    problem = problem_of(error)
    if problem is None:
        # Not the caller's to see: the last resort logs it.
        raise error
    return problem.response(request.scope["path"])


async def _bad_parameters(request: Request, error: RequestValidationError) -> Response:
    faults = [Fault(short(each["loc"]), plain(each["msg"])) for each in error.errors()]
    problem = Problem(kind=INVALID, detail=f"{len(faults)} of the parameters cannot be accepted", faults=faults)
    return problem.response(request.scope["path"])


async def _http_error(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    kind = KINDS.get(error.status_code) or Kind("http-error", HTTPStatus(error.status_code).phrase, error.status_code)
    problem = Problem(kind=kind, detail=_detail(request, error), headers=headers)
    return problem.response(request.scope["path"])


def _allowed(request: Request) -> list[str]:
    """Every method the path answers: the router itself names only those of the first route that fits."""
    routes = request.app.routes
    fit = [m for m in METHODS if any(r.matches({**request.scope, "method": m})[0] is Match.FULL for r in routes)]
    return [*fit, *(["HEAD"] if "GET" in fit else []), "OPTIONS"]


def _detail(request: Request, error: HTTPException) -> str:
    match error.status_code:
        case 404:
            return "no resource has this path"
        case 405:
            return f"{request.method[:20]} is not among the methods of this path"
        case _:
            return error.detail
