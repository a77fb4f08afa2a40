"""All routes of scoring-service."""

from fastapi import APIRouter

from scoring_service.entrypoints.dependencies import Wiring
from scoring_service.entrypoints.http_definitions import definition_routes
from scoring_service.entrypoints.http_leads import lead_routes


def routers(wiring: Wiring) -> list[APIRouter]:
    """Return the service's routers."""
    return [definition_routes(wiring), lead_routes(wiring)]
