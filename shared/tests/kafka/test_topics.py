"""Topics are made as they must be, and nobody works on topics that are not."""

import asyncio

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from onefunnel.events.topics import Topic
from onefunnel.log.kafka_shape import Copies
from onefunnel.log.kafka_topics import WrongTopics
from onefunnel.log.port import Unavailable
from onefunnel.testing.log_contract import TOPICS, A, B

from .conftest import topics_of


@pytest.fixture
async def topics(bootstrap, topic_prefix):
    async with topics_of(bootstrap, topic_prefix) as topics:
        yield topics


async def test_five_services_may_make_the_topics_at_once(kafka_bootstrap, topic_prefix):
    async def create():
        async with topics_of(kafka_bootstrap, topic_prefix) as topics:
            await topics.create()
            return await topics._log.topics()

    found = await asyncio.gather(*(create() for _ in range(5)))
    assert len({spec.log_id for specs in found for spec in specs}) == 1


async def test_a_topic_that_a_later_release_adds_leaves_the_others_what_they_were(
    log, bootstrap, topic_prefix
):
    before = {spec.log_id for spec in await log.topics()}
    more = (*TOPICS, Topic("contract.c.v1", partitions=1))
    async with topics_of(bootstrap, topic_prefix, topics=more) as later:
        await later.create()
        assert {spec.log_id for spec in await later._log.topics()} == before


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("retention.ms", "1000", "-1"),
        ("retention.bytes", "1000", "-1"),
        ("cleanup.policy", "compact", "delete"),
        ("max.message.bytes", "1000", "2097152"),
        ("unclean.leader.election.enable", "true", "false"),
    ],
)
async def test_another_setting_is_refused_and_said(
    topics, admin, topic_prefix, setting, value, wanted
):
    resource = ConfigResource(ConfigResourceType.TOPIC, topic_prefix + A, {setting: value})
    await admin.alter_configs([resource])
    with pytest.raises(WrongTopics) as caught:
        await topics.check()
    said = str(caught.value)
    assert f"{topic_prefix}{A} has {setting}={value}, wanted {wanted}: kafka-configs" in said
    assert topic_prefix + B not in said


async def test_another_number_of_partitions_is_refused(bootstrap, topic_prefix):
    more = (Topic(A, partitions=4), Topic(B, partitions=1, retention_days=1))
    async with topics_of(bootstrap, topic_prefix, topics=more) as topics:
        for refuse in (topics.check, topics.create):
            with pytest.raises(WrongTopics, match="has 3 partitions, wanted 4"):
                await refuse()


@pytest.mark.parametrize(
    ("copies", "said"),
    [(Copies(3, 1), "has 1 replicas, wanted 3"), (Copies(1, 2), "min.insync.replicas=1, wanted 2")],
)
async def test_fewer_copies_than_wanted_are_refused(bootstrap, topic_prefix, copies, said):
    async with topics_of(bootstrap, topic_prefix, copies=copies) as topics:
        with pytest.raises(WrongTopics, match=said):
            await topics.check()


async def test_more_brokers_than_there_are_cannot_keep_a_topic(kafka_bootstrap, topic_prefix):
    async with topics_of(kafka_bootstrap, topic_prefix, copies=Copies()) as topics:
        with pytest.raises(WrongTopics, match=r"cannot be made: .*replication"):
            await topics.create()


async def test_topics_that_nobody_made_yet_are_waited_for(kafka_bootstrap, topic_prefix):
    async with topics_of(kafka_bootstrap, topic_prefix) as topics:
        with pytest.raises(Unavailable, match="`migrate` makes them"):
            await topics.check()
        await topics.create()
        await topics.check()


async def test_a_topic_made_by_hand_is_not_of_the_log_until_migrate_registers_it(
    bootstrap, topic_prefix, admin
):
    more = (*TOPICS, Topic("contract.c.v1", partitions=1))
    async with topics_of(bootstrap, topic_prefix, topics=more) as topics:
        await admin.create_topics([topics._new(topic_prefix + "contract.c.v1")])
        with pytest.raises(Unavailable, match="has not registered"):
            await topics.check()
        await topics.create()
        await topics.check()
