"""The routes of the lead service."""

from typing import Final

from fastapi import APIRouter

from lead_service.entrypoints.http import activities, deals, directory, funnels, internal, leads

ROUTERS: Final[tuple[APIRouter, ...]] = (
    leads.router,
    deals.router,
    activities.router,
    directory.router,
    funnels.router,
    internal.router,
)
