"""`python -m server`: the gateway with the settings of the environment. The first line printed is its URL."""

import sys

from rao_runtime.config import ConfigError, load
from server.serving import serve


def main() -> None:
    """Serve until a signal ends it."""
    try:
        settings = load()
    except ConfigError as error:
        sys.exit(str(error))
    serve(settings, on_ready=lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
