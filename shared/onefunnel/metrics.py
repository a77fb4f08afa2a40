"""What is measured: every name once, with the sentence that explains it.

The sentence is the comment beside the name. It becomes the HELP text of `/metrics` and the line in
`docs/metrics.md`, so there is no second one to fall out of step.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

CounterName = Literal[
    "relay_published_total",  # events that the log has acknowledged
    "relay_failures_total",  # turns of a relay that ended in an error and a new epoch
    "reaction_applied_total",  # events that a reaction has applied
    "reaction_duplicates_total",  # events that came again and changed nothing
    "reaction_ignored_total",  # events of types that nobody here reacts to
    "reaction_dead_letters_total",  # events put aside because they can never be applied
    "fold_events_total",  # folded: applied, duplicate, parked, dead, ignored; one-by-one in a turn taken apart
    "partitions_halted_total",  # partitions that were stopped until an operator resumes them
    "intake_refused_total",  # writes that were refused because too many events wait in the outbox
    "webhook_deliveries_total",  # events that a subscriber's endpoint has answered with 2xx
    "webhook_failures_total",  # attempts that a subscriber's endpoint refused or did not answer
    "http_requests_total",  # requests that were answered, by the route's template, never by its path
]
GaugeName = Literal[
    "outbox_events",  # events that are committed and not in the log yet
    "outbox_oldest_age_seconds",  # how long the oldest event has waited in the outbox
    "consumer_lag_events",  # records in the log that a consumer has not taken yet, of those still kept
    "oldest_unfolded_event_age_seconds",  # how long ago the oldest event that a consumer has not taken was made
    "partitions_owned",  # partitions that some worker of the group holds now; less than all for long is a fault
    "halted_partitions",  # partitions that are stopped now
    "dead_letters_open",  # dead letters that nobody has settled
    "webhook_deliveries_waiting",  # deliveries on their way to endpoints that are not paused
    "webhook_oldest_age_seconds",  # how long ago the event of the oldest waiting delivery was taken in
    "webhook_subscriptions_failing",  # endpoints that took nothing for an hour, or are paused because of it
    "crm_deliveries_unread",  # webhooks of CRMs that are stored and not read yet
    "crm_unread_oldest_age_seconds",  # how long ago the oldest of them came
    "crm_changes_waiting",  # records of CRMs that have waited a day: to be read there, or for what they need here
    "crm_connections_needing_attention",  # connections to CRMs that only a person can mend
    "database_connections_in_use",  # connections of a pool that are at work; at its size others wait
    "database_connections_limit",  # the size of a pool
]
HistogramName = Literal[
    "turn_seconds",  # how long one turn of a consumer took, commit included
    "http_request_seconds",  # how long a request took, from its first byte to the last of the answer
    "event_loop_lag_seconds",  # how much later than it should the loop came to a timer: above 0.1 s it is too busy
]
MetricName = Literal[CounterName, GaugeName, HistogramName]

PREFIX: Final = "onefunnel_"
# Every value of a label is one of few that we wrote ourselves: no id, no path, no tenant.
_SERVICE: Final = ("service",)
_LABELS: Final[dict[MetricName, tuple[str, ...]]] = {
    "fold_events_total": ("service", "outcome"),
    "http_requests_total": ("service", "method", "route", "status"),
    "http_request_seconds": ("service", "route"),
    "database_connections_in_use": ("database", "role"),
    "database_connections_limit": ("database", "role"),
    "event_loop_lag_seconds": (),
}
_COMMENTED: Final = re.compile(r'^    "([a-z_]+)",  # (.+)$', re.MULTILINE)


def labels_of(name: MetricName) -> tuple[str, ...]:
    """Return what a metric is told apart by."""
    return _LABELS.get(name, _SERVICE)


@cache
def help_texts() -> dict[str, str]:
    """Return the sentence of every metric, as it stands beside its name."""
    found = dict(_COMMENTED.findall(Path(__file__).read_text(encoding="utf-8")))
    missing = set(get_args(MetricName)) - found.keys()
    assert not missing, f"a metric comes with its comment: {missing}"
    return found
