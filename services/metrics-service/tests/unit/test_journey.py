from datetime import date, timedelta
from uuid import UUID

import pytest

from metrics_service.projections.columns import journey_columns
from metrics_service.projections.facts import JourneyFacts
from metrics_service.projections.keys import (
    DurationKey,
    FunnelKey,
    FunnelVector,
    LeadUseKey,
    LeadUseVector,
    PipelineKey,
)
from onefunnel.events import Event, lead, scoring

from .telling import AMY, BOB, DEAL, LEAD, captured, day, of_lead, overall, rules, told

RULES = rules()


def qualified(n: float) -> Event:
    return scoring.LeadQualified(lead_id=LEAD, definition_version=1, qualified_at=day(n))


def assigned(n: float, owner: UUID = AMY) -> Event:
    return lead.LeadAssigned(lead_id=LEAD, owner_id=owner, assigned_at=day(n))


def accepted(n: float) -> Event:
    return lead.LeadAccepted(lead_id=LEAD, accepted_by=AMY, accepted_at=day(n))


def rejected(n: float) -> Event:
    return lead.LeadRejected(
        lead_id=LEAD, rejected_by=AMY, rejected_at=day(n), reason_class="clerical"
    )


def recycled(n: float) -> Event:
    return lead.LeadRecycled(lead_id=LEAD, recycled_at=day(n), until=None, reason="later")


def disqualified(n: float) -> Event:
    return lead.LeadDisqualified(lead_id=LEAD, disqualified_at=day(n), reason="student")


def converted(n: float) -> Event:
    return lead.LeadConverted(lead_id=LEAD, deal_id=DEAL, converted_at=day(n))


def touched(n: float, side: str = "sales", human: bool = True) -> Event:
    return lead.TouchRecorded(
        lead_id=LEAD,
        touch_id=UUID(int=77),
        touched_at=day(n),
        side=side,
        channel="call",
        human=human,
    )


def steps(*events: Event) -> dict[tuple[str, date, str], FunnelVector]:
    return overall(of_lead(RULES, *events), FunnelKey)


def present(*events: Event) -> list[str]:
    return [key[-1] for key in overall(of_lead(RULES, *events), PipelineKey)]


def stays(*events: Event) -> dict[tuple[str, int], int]:
    visits = overall(of_lead(RULES, *events), DurationKey)
    return {(step, days): vector.visits for (step, _ended_on, days), vector in visits.items()}


def test_a_captured_lead_enters_the_first_step_and_begins_its_journey() -> None:
    assert steps(captured(3)) == {
        ("", date(2026, 1, 4), "lead"): FunnelVector(entered=1, reached=1)
    }
    assert present(captured(3)) == ["lead"]


def test_a_lead_counts_under_each_of_its_labels_and_nobody_where_it_has_none() -> None:
    found = of_lead(RULES, captured(0, source="web", owner_id=AMY))
    values = {(key.dim, key.value) for key in found if type(key) is FunnelKey}
    assert values == {
        ("all", ""),
        ("owner", str(AMY)),
        ("source", "web"),
        ("campaign", ""),
        ("segment", ""),
    }


def test_the_owner_is_the_last_one_assigned() -> None:
    found = of_lead(RULES, captured(0, owner_id=AMY), assigned(5, BOB))
    assert {key.value for key in found if key[2:3] == ("owner",)} == {str(BOB)}


def test_a_skipped_step_is_implied_at_the_instant_of_the_later_one() -> None:
    found = steps(captured(0), accepted(3))
    assert found["", date(2026, 1, 4), "mql"] == FunnelVector(
        entered=1, imputed=1, converted=1, converted_ever=1
    )
    assert found["", date(2026, 1, 4), "sal"].imputed == 0
    assert found["", date(2026, 1, 1), "sal"] == FunnelVector(reached=1)


@pytest.mark.parametrize(("seconds", "within"), [(0, 1), (1, 0)])
def test_conversion_is_within_the_window_up_to_its_last_instant(seconds: int, within: int) -> None:
    late = scoring.LeadQualified(
        lead_id=LEAD, definition_version=1, qualified_at=day(90) + timedelta(seconds=seconds)
    )
    vector = steps(captured(0), late)["", date(2026, 1, 1), "lead"]
    assert (vector.converted, vector.converted_ever, vector.lost) == (within, 1, 0)


@pytest.mark.parametrize("end", [rejected, disqualified])
@pytest.mark.parametrize(("n", "lost"), [(37, 1), (38, 0)])
def test_a_lead_that_ended_is_lost_at_its_furthest_step_within_the_window(
    end: object, n: int, lost: int
) -> None:
    assert callable(end)
    found = steps(captured(0), qualified(7), end(n))
    assert found["", date(2026, 1, 8), "mql"].lost == lost
    assert found["", date(2026, 1, 1), "lead"].lost == 0
    assert present(captured(0), qualified(7), end(n)) == []


def test_a_lead_without_any_time_is_open_and_in_no_cohort() -> None:
    assert steps(captured(None)) == {}
    assert present(captured(None)) == ["lead"]


def test_a_lead_whose_capture_has_no_time_counts_from_its_first_known_one() -> None:
    found = steps(captured(None), qualified(4))
    assert found["", date(2026, 1, 5), "lead"] == FunnelVector(1, 1, 1, 1, reached=1)


def test_an_import_says_when_a_lead_was_qualified_until_scoring_does() -> None:
    imported = captured(0, qualified_at=day(2))
    assert ("", date(2026, 1, 3), "mql") in steps(imported)
    found = steps(imported, qualified(6))
    assert ("", date(2026, 1, 7), "mql") in found
    assert ("", date(2026, 1, 3), "mql") not in found


def test_a_merged_lead_counts_for_nothing() -> None:
    merged = lead.LeadMerged(lead_id=LEAD, into_lead_id=UUID(int=9), merged_at=day(3))
    assert of_lead(RULES, captured(0), accepted(1), merged) == {}


def test_a_lead_that_was_only_scored_so_far_counts_for_nothing() -> None:
    assert of_lead(RULES, qualified(3)) == {}


def test_a_recycled_lead_goes_back_to_the_last_step_of_marketing() -> None:
    story = [captured(0), qualified(2), accepted(5), recycled(9)]
    assert present(*story) == ["mql"]
    assert stays(*story, accepted(20)) == {
        ("lead", 2): 1,
        ("mql", 3): 1,
        ("sal", 4): 1,
        ("mql", 11): 1,
    }
    assert steps(*story, accepted(20))["", date(2026, 1, 6), "sal"].entered == 1


def test_a_refused_lead_that_is_handed_over_again_is_open_again() -> None:
    assert present(captured(0), accepted(1), rejected(2)) == []
    assert present(captured(0), accepted(1), rejected(2), assigned(3)) == ["sal"]
    assert present(captured(0), accepted(1), rejected(2), recycled(3)) == ["mql"]


def test_a_converted_lead_is_no_longer_open_and_never_lost() -> None:
    story = [captured(0), converted(4), disqualified(5)]
    assert present(*story) == []
    assert all(vector.lost == 0 for vector in steps(*story).values())


def test_at_one_instant_a_lead_is_qualified_before_sales_acts_on_it() -> None:
    assert present(captured(0), rejected(3), qualified(3)) == []
    assert present(captured(0), qualified(3), rejected(3)) == []


def test_a_late_qualification_does_not_move_a_lead_back() -> None:
    assert present(captured(0), accepted(1), qualified(3)) == ["sal"]


@pytest.mark.parametrize(
    ("touch", "worked"),
    [
        (touched(3), 1),
        (touched(17), 1),
        (touched(17.001), 0),
        (touched(2.999), 0),
        (touched(4, side="marketing"), 0),
        (touched(4, human=False), 0),
    ],
)
def test_a_lead_is_used_when_a_person_of_sales_touched_it_within_14_days(
    touch: Event, worked: int
) -> None:
    found = overall(of_lead(RULES, captured(0), assigned(3), accepted(5), touch), LeadUseKey)
    assert found == {(date(2026, 1, 4),): LeadUseVector(1, worked)}


def test_a_lead_that_is_logged_with_its_owner_is_handed_over_with_that() -> None:
    found = overall(of_lead(RULES, captured(2, owner_id=AMY), assigned(9)), LeadUseKey)
    assert list(found) == [(date(2026, 1, 3),)]


def test_a_lead_never_handed_over_is_not_counted_as_unused() -> None:
    assert overall(of_lead(RULES, captured(0), touched(1)), LeadUseKey) == {}


def test_days_are_those_of_the_tenants_zone() -> None:
    found = of_lead(rules(zone="Pacific/Apia"), captured(0.5))
    assert [key[0 + 1] for key in overall(found, FunnelKey)] == [date(2026, 1, 2)]


def test_the_mature_cohort_of_the_golden_example_converts_at_two_fifths() -> None:
    # 100 leads enter in January with a window of 30 days; seen on 15 February, 60 are mature, of
    # which 24 converted, and of the 40 immature 6 did already.
    totals: dict[date, list[int]] = {}
    for n in range(100):
        entered = 0 if n < 60 else 20
        converts = n < 24 or 60 <= n < 66
        story = [
            captured(None),
            qualified(entered),
            *([accepted(entered + 10)] if converts else []),
        ]
        for (_currency, day_, step), vector in steps(*story).items():
            if step == "mql":
                known = totals.setdefault(day_, [0, 0])
                known[0], known[1] = known[0] + vector.entered, known[1] + vector.converted
    assert totals[date(2026, 1, 1)] == [60, 24]
    assert totals[date(2026, 1, 21)] == [40, 6]


def test_columns_show_where_a_lead_is() -> None:
    facts = told(JourneyFacts(), captured(0, source="web"), assigned(2), rejected(4))
    columns = journey_columns(facts, RULES)
    assert (columns.state, columns.source, columns.owner) == ("ended", "web", str(AMY))
    assert (columns.captured_on, columns.handed_on, columns.ended_on) == (
        date(2026, 1, 1),
        date(2026, 1, 3),
        date(2026, 1, 5),
    )
    open_ = journey_columns(told(JourneyFacts(), captured(0)), RULES)
    assert (open_.state, open_.step) == ("open", "lead")
    gone = journey_columns(told(JourneyFacts(), captured(0), converted(3)), RULES)
    assert (gone.state, gone.deal_id) == ("converted", DEAL)
