"""What a lead adds to: lead steps, its present step, stays, lead use."""

from uuid import UUID

from metrics_service.projections import walk_journey
from metrics_service.projections.calendar import Micros
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.durations import add_visits
from metrics_service.projections.facts import JourneyFacts
from metrics_service.projections.funnel import Worth, add_entries, add_reach, first_entries
from metrics_service.projections.funnel_steps import CompiledFunnel
from metrics_service.projections.keys import NO_CURRENCY, PipelineKey, PipelineVector
from metrics_service.projections.lead_use import add_lead_use
from metrics_service.projections.shape import Cells, Dims, Group, Shape, add_to

_NOTHING = Shape()
_LEAD_WORTH = Worth(0, NO_CURRENCY)


def journey_shape(_lead_id: UUID, facts: JourneyFacts, definitions: Definitions) -> Shape:
    """Return a lead's contributions, factored. A merged lead counts no longer, one never captured not yet."""
    if facts.merged_into is not None or not facts.captured_sequence:
        return _NOTHING
    dims: Dims = (
        ("all", ""),
        ("owner", facts.owner),
        ("source", facts.source),
        ("campaign", facts.campaign),
        ("segment", facts.segment),
    )
    cells: Cells = {}
    acts = walk_journey.acts_of(facts)
    handed_at = walk_journey.handed_over_at(acts)
    if handed_at is not None:
        add_lead_use(cells, handed_at, facts.touches, definitions.days)
    funnel = definitions.funnels.get(facts.funnel)
    if funnel:
        _add_lead_steps(cells, facts, acts, funnel, definitions)
    return Shape((Group(dims, cells),))


def _add_lead_steps(
    cells: Cells,
    facts: JourneyFacts,
    acts: list[tuple[Micros, str]],
    funnel: CompiledFunnel,
    definitions: Definitions,
) -> None:
    days, track, head = definitions.days, funnel.lead, (funnel.name, funnel.version)
    walk = walk_journey.walk(facts, acts, track)
    entries = first_entries(walk_journey.entered(facts, acts, track))
    add_entries(
        cells,
        head,
        entries,
        track=track,
        days=days,
        worth=_LEAD_WORTH,
        ended_at=walk.ended_at,
    )
    if entries:
        began_at = entries[0][1]
        add_reach(
            cells, head, entries, track=track, days=days, worth=_LEAD_WORTH, began_at=began_at
        )
    add_visits(cells, head, walk.visits, days)
    if walk.open_step is not None:
        tail = (NO_CURRENCY, walk.open_step)
        add_to(cells, (PipelineKey, head, tail), PipelineVector(1, 0))
