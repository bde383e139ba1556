"""The runtime behind `POST /solve`: trees of agents that launch copies of themselves."""

__version__ = "0.1.0"
