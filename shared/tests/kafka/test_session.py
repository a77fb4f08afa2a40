"""How connections to Kafka end."""

import asyncio

from aiokafka.errors import KafkaConnectionError

from onefunnel.log import kafka_session
from onefunnel.log.kafka_session import close_soon
from onefunnel.testing.waiting import until


async def test_a_client_that_awaits_what_it_has_cancelled_does_not_end_its_caller():
    async def close():
        fetching = asyncio.create_task(asyncio.sleep(3_600))
        fetching.cancel()
        await fetching

    await close_soon(close)


async def test_a_client_that_cannot_close_is_let_go():
    async def close():
        raise KafkaConnectionError

    await close_soon(close)


async def test_a_client_that_does_not_come_to_an_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(kafka_session, "CLOSE_TIMEOUT_S", 0.01)
    before = asyncio.all_tasks()
    await close_soon(asyncio.Event().wait)
    await until(lambda: asyncio.all_tasks() <= before)
