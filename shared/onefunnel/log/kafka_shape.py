"""What a topic of the log must be like in Kafka, and how a topic that is not says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from onefunnel.events.topics import Topic
from onefunnel.log.kafka_metadata import Found
from onefunnel.log.kafka_session import BATCH_BYTES

_DAY_MS: Final = 86_400_000
# Whatever is in a batch, it is at least halved by zstd or, at worst, hardly larger than it was.
MESSAGE_BYTES: Final = 2 * BATCH_BYTES
_AT_LEAST: Final = ("max.message.bytes", "min.insync.replicas")


@dataclass(frozen=True, slots=True)
class Copies:
    """On how many brokers a record is kept, and on how many it is before it is acknowledged."""

    replication: int = 3
    min_isr: int = 2


def settings_of(topic: Topic, copies: Copies) -> Mapping[str, str]:
    """Return the settings that a topic is made with and must keep."""
    days = topic.retention_days
    return {
        "cleanup.policy": "delete",
        "retention.ms": "-1" if days is None else str(days * _DAY_MS),
        "retention.bytes": "-1",
        "max.message.bytes": str(MESSAGE_BYTES),
        "min.insync.replicas": str(copies.min_isr),
        "unclean.leader.election.enable": "false",
    }


def faults_of(
    name: str, topic: Topic, copies: Copies, found: Found, settings: Mapping[str, str]
) -> Sequence[str]:
    """Return what is wrong with a topic: what it has, what is wanted, what to do."""
    faults = []
    if found.partitions != topic.partitions:
        faults.append(
            f"{name} has {found.partitions} partitions, wanted {topic.partitions}: keys would change"
            " place; delete it if nothing was written to it yet, or set its partitions back"
        )
    if found.replication < copies.replication:
        faults.append(
            f"{name} has {found.replication} replicas, wanted {copies.replication}:"
            " kafka-reassign-partitions, or ONEFUNNEL_KAFKA_REPLICATION"
        )
    for key, wanted in settings_of(topic, copies).items():
        has = settings[key]
        if int(has) < int(wanted) if key in _AT_LEAST else has != wanted:
            faults.append(
                f"{name} has {key}={has}, wanted {wanted}: kafka-configs --alter"
                f" --entity-type topics --entity-name {name} --add-config {key}={wanted}"
            )
    return faults
