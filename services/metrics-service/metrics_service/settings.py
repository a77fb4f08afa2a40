"""What can be set. Everything else comes with the runtime."""

from typing import Final

NAME: Final = "metrics-service"
DATABASE: Final = "metrics"
SOURCE: Final = "/services/metrics-service"  # of its events, and the name of its relay
