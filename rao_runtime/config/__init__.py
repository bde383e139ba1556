"""Settings: the command line over the environment over `rao.toml`. The only reader of the environment."""

from rao_runtime.config.errors import ConfigError
from rao_runtime.config.load import load
from rao_runtime.config.settings import Settings

__all__ = ["ConfigError", "Settings", "load"]
