"""The published language: importing this package fills the catalogue."""

from onefunnel.events import content, crm, deal, directory, feedback, lead, plans, privacy, scoring
from onefunnel.events.catalogue import CATALOGUE, Event, EventSpec, event, spec_of

__all__ = [
    "CATALOGUE",
    "Event",
    "EventSpec",
    "content",
    "crm",
    "deal",
    "directory",
    "event",
    "feedback",
    "lead",
    "plans",
    "privacy",
    "scoring",
    "spec_of",
]
