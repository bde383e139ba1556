"""Logs of the gateway: one JSON object a line."""

import logging
import sys

from rao_runtime.core.view import timestamp
from rao_runtime.telemetry.concern import concern
from server.middleware.request_id import request_id
from server.rendering import encode


class JsonLines(logging.Formatter):
    """Adds the ids of what a line is about: request, tenant, tree, trace, node, call; and an exception's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "ts": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **concern(),
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return encode({name: value for name, value in line.items() if value is not None}).decode()


def install(level: str = "INFO") -> None:
    """Send every log of the process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
