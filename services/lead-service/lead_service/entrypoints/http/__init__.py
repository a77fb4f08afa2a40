"""The routes of the lead service."""

from typing import Final

from fastapi import APIRouter

from lead_service.entrypoints.http import (
    activities,
    batches,
    deals,
    directory,
    erasures,
    funnels,
    internal,
    leads,
    subjects,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    batches.router,  # before /v1/leads/{lead_id}
    leads.router,
    deals.router,
    activities.router,
    directory.router,
    funnels.router,
    erasures.router,
    subjects.router,
    internal.router,
)
