"""What a writer to Kafka does when the broker refuses, dies or freezes."""

import asyncio
from itertools import count

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from onefunnel.log import kafka_session
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.port import Unavailable
from onefunnel.testing.log_contract import A0, A1, TOPICS, A, append, read, records
from onefunnel.testing.small_service import without_repeats
from onefunnel.testing.waiting import until

EPOCHS = count(1)


async def test_what_does_not_fit_into_one_batch_is_appended_in_order(log):
    values = [str(n) * 400_000 for n in range(9)]
    positions = await append(log, [*records(A0, *values), *records(A1, "x")])
    assert list(positions) == [*range(9), 0]
    found = (await read(log, {A0: 0}, max_bytes=1 << 26))[A0]
    assert [value.decode() for value in found.values] == values[: len(found.values)]


async def test_a_refused_batch_spoils_its_writer_and_no_other(log, admin, topic_prefix):
    async def allow(size):
        settings = {"max.message.bytes": str(size)}
        topic = ConfigResource(ConfigResourceType.TOPIC, topic_prefix + A, settings)
        await admin.alter_configs([topic])

    spoiled = []

    async def refused():
        writer = await log.open_writer("/services/test", next(EPOCHS))
        try:
            await writer.append(records(A0, "n" * 50_000 + "".join(map(chr, range(200)))))
        except Unavailable:
            spoiled.append(writer)
            return True
        await writer.close()
        return False

    await (await insist(log, "before")).close()
    await allow(100)
    await until(refused)  # a setting holds a moment after it was made
    with pytest.raises(Unavailable, match="closed"):
        await spoiled[0].append(records(A0, "after"))
    await allow(2_000_000)
    await (await insist(log, "again")).close()
    found = (await read(log, {A0: 0}, max_bytes=1 << 26))[A0].values
    assert (found[0], found[-1]) == (b"before", b"again")
    assert b"after" not in found


async def test_a_broker_that_dies_in_the_middle_costs_no_record_and_no_order(log, local_broker):
    written = [f"{n}" for n in range(600)]
    dying = asyncio.Event()

    async def write():
        epoch, at = 0, 0
        while at < len(written):
            epoch += 1
            try:
                writer = await log.open_writer("/services/test", epoch)
            except Unavailable:
                continue
            try:
                while at < len(written):
                    await writer.append(records(A0, *written[at : at + 10]))
                    at += 10
                    if at == 200:
                        dying.set()
            except Unavailable:
                continue
            finally:
                await writer.close()

    writing = asyncio.create_task(write())
    await dying.wait()
    local_broker.kill()
    await asyncio.to_thread(local_broker.start)
    await writing
    await until(lambda: is_there(log), limit_s=60)
    found = (await read(log, {A0: 0}, wait_s=10))[A0]
    assert without_repeats([value.decode() for value in found.values]) == written


async def is_there(log):
    try:
        return (await log.end_positions([A0]))[A0] > 0
    except Unavailable:  # a leader is there a moment after its broker
        return False


async def test_with_a_frozen_broker_an_append_is_given_up_and_leaves_nothing_running(
    bootstrap, topic_prefix, local_broker, monkeypatch
):
    log = KafkaLog(bootstrap, TOPICS, prefix=topic_prefix)
    with monkeypatch.context() as short:
        short.setattr(kafka_session, "REQUEST_TIMEOUT_MS", 500)
        short.setattr(kafka_session, "CALL_TIMEOUT_S", 1.5)
        writer = await insist(log, "a")
        before = asyncio.all_tasks()
        local_broker.freeze()
        with pytest.raises(Unavailable):
            await writer.append(records(A0, "b"))
        await until(lambda: asyncio.all_tasks() <= before)  # while nobody answers
        local_broker.thaw()
    await (await insist(log, "b")).close()
    assert without_repeats((await read(log, {A0: 0}))[A0].values) == [b"a", b"b"]
    await log.close()
    await until(lambda: asyncio.all_tasks() <= before)


async def insist(log, value):
    """Append as a relay does, with another writer until one is answered; return that one."""
    written = []

    async def answered():
        try:
            writer = await log.open_writer("/services/test", next(EPOCHS))
            await writer.append(records(A0, value))
        except Unavailable:  # limits may be short, and a leader is there a moment after its broker
            return False
        written.append(writer)
        return True

    await until(answered, limit_s=60)
    return written[-1]


async def test_a_log_whose_broker_is_down_says_so_and_works_when_it_is_there(
    bootstrap, topic_prefix, local_broker
):
    local_broker.kill()
    log = KafkaLog(bootstrap, TOPICS, prefix=topic_prefix)
    reader = log.reader()
    limits = {"max_records": 9, "max_bytes": 999, "wait_s": 0}
    for call in (
        log.topics,
        lambda: log.end_positions([A0]),
        lambda: log.open_writer("/services/test", 1),
        lambda: reader.fetch({A0: 0}, **limits),
    ):
        with pytest.raises(Unavailable):
            await call()
    await asyncio.to_thread(local_broker.start)
    await (await insist(log, "a")).close()
    found = []

    async def comes():
        try:
            found.extend((await reader.fetch({A0: 0}, **limits))[A0].values)
        except Unavailable:
            return False
        return True

    await until(comes, limit_s=60)
    assert without_repeats(found) == [b"a"]
    await reader.close()
    await log.close()
