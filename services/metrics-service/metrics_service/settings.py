"""What this service is called. Everything else comes with the runtime."""

from typing import Final

NAME: Final = "metrics-service"
DATABASE: Final = "metrics"
SOURCE: Final = f"/services/{NAME}"  # of its events, and the name of its relay
