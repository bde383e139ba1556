"""What the server has to offer: models and tools."""

from fastapi import APIRouter
from starlette.responses import Response

from server.deps import TheGateway
from server.document import answers
from server.rendering import Json
from server.schemas.operation import Listing

router = APIRouter(tags=["catalog"], default_response_class=Json)


@router.get("/models", summary="List models", **answers({200: Listing}))
async def list_models(gateway: TheGateway) -> Response:
    """The profiles of the models a task may name: protocol, window, prices, sampling defaults."""
    return Json({"data": gateway.runtime.profiles()})


@router.get("/tools", summary="List tools", **answers({200: Listing}))
async def list_tools(gateway: TheGateway) -> Response:
    """The tools a task may name: name, description, parameters, effects."""
    return Json({"data": gateway.runtime.tools()})
