"""Names of environment variables that several processes have to spell alike."""

from typing import Final

METRICS_PORT: Final = "ONEFUNNEL_METRICS_PORT"
