"""For whoever runs the server: alive, ready, metrics."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from server.deps import TheGateway
from server.document import METRICS, answers
from server.problems import NOT_READY, Problem, retry_after
from server.rendering import Json
from server.schemas.operation import Alive, Readiness

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
RETRY_AFTER_S = 5

router = APIRouter(tags=["operation"], default_response_class=Json)


@router.get("/livez", summary="Is the process alive", **answers({200: Alive}))
async def livez() -> Response:
    """Answers as long as the process can; depends on nothing else."""
    return Json({"status": "ok"})


@router.get("/readyz", summary="Can it take trees", **answers({200: Readiness}, NOT_READY))
async def readyz(gateway: TheGateway) -> Response:
    """Whether the journal answers and the server is not on its way out; replicas are told as a detail."""
    found = gateway.runtime.readiness()
    if found["ready"] and not gateway.drain.started:
        return Json(found)
    store = found["journal"]["detail"] or "the journal does not answer"
    detail = "the server is shutting down" if gateway.drain.started else store
    problem = Problem(kind=NOT_READY, detail=detail, headers=retry_after(RETRY_AFTER_S), more={**found, "ready": False})
    return problem.response("/readyz")


@router.get("/metrics", summary="Metrics", response_class=PlainTextResponse, **METRICS)
async def metrics(gateway: TheGateway) -> Response:
    """Prometheus text."""
    return Response(gateway.runtime.metrics_text(), media_type=METRICS_TYPE)
