"""A topic of Kafka that is not what was read before: made anew, emptied by retention, of more partitions."""

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete

from onefunnel.testing.waiting import until

from .changed import FULLEST, halted_without_effect, refused_without_effect, told_and_folded

pytestmark = pytest.mark.parametrize("on", ["kafka"], indirect=True)
DEAL = "onefunnel.deal.v1"


@pytest.fixture
async def folded(new_stage):
    """A world of which everything is folded, and what looks at it."""
    stage = await new_stage(seed=11, events=80)
    await told_and_folded(stage)
    metrics = await asyncpg.connect(stage.world.metrics.owner_url)
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.world.log.bootstrap)
    await admin.start()
    yield stage, metrics, admin
    await admin.close()
    await metrics.close()


async def test_a_topic_made_anew_is_not_folded(folded) -> None:
    stage, metrics, admin = folded
    name = stage.world.log.prefix + DEAL
    await admin.delete_topics([name])

    async def made() -> bool:
        answer = await admin.create_topics([NewTopic(name, 12, 1)])
        return answer.topic_errors[0][1] == 0

    await until(made)
    await halted_without_effect(stage, metrics, expected=12)


async def test_records_that_retention_took_before_they_were_read_are_not_passed_over(
    folded,
) -> None:
    stage, metrics, admin = folded
    topic, partition, end = await metrics.fetchrow(FULLEST)
    await metrics.execute(
        "UPDATE stream_partition SET next_position = next_position - 2, last_event_id = NULL"
        " WHERE (topic, partition) = ($1, $2)",
        topic, partition,
    )  # fmt: skip
    place = TopicPartition(stage.world.log.prefix + topic, partition)
    await admin.delete_records({place: RecordsToDelete(before_offset=end)})
    await halted_without_effect(stage, metrics, expected=1)


async def test_another_number_of_partitions_ends_the_fold(folded) -> None:
    stage, metrics, admin = folded
    await admin.create_partitions({stage.world.log.prefix + DEAL: NewPartitions(total_count=13)})
    await refused_without_effect(stage, metrics)
