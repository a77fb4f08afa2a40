"""Connections to Kafka: how they are set, how their errors are said, and how they end.

aiokafka is pinned to a minor release: what is used of it beside what it promises is one request of
our own (`kafka_metadata`), the sender's task (`abandon`) and what a consumer has read (`kafka_reader`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from onefunnel.log.kafka_access import Brokers
from onefunnel.log.port import Unavailable

T = TypeVar("T")

REQUEST_TIMEOUT_MS: Final = 10_000
CALL_TIMEOUT_S: Final = 12.0
CLOSE_TIMEOUT_S: Final = 2.0
RETRY_BACKOFF_MS: Final = 100
# One value for what one partition may hold of a client's memory; broker and topics allow one larger
# batch for a record that is larger than this.
FETCH_BYTES: Final = 256 * 1024
FETCH_WAIT_MS: Final = 100  # a seek waits for at most so long behind a fetch that is under way
BATCH_BYTES: Final = 1024 * 1024

_ERRORS: Final = (KafkaError, OSError, TimeoutError)


def client_settings(brokers: Brokers, name: str) -> Mapping[str, Any]:
    """Return what every client of ours is told."""
    return {
        "bootstrap_servers": brokers.bootstrap,
        **brokers.access.settings,
        "client_id": f"onefunnel-{name}",
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": RETRY_BACKOFF_MS,
    }


def new_client(brokers: Brokers) -> AIOKafkaClient:
    """Return a client for single requests."""
    return AIOKafkaClient(**client_settings(brokers, "log"))


def new_consumer(brokers: Brokers) -> AIOKafkaConsumer:
    """Return a consumer without a group: it reads what it is told from where it is told."""
    return AIOKafkaConsumer(
        **client_settings(brokers, "reader"),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_uncommitted",
        check_crcs=True,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=FETCH_BYTES,
    )


def new_producer(brokers: Brokers, source: str) -> AIOKafkaProducer:
    """Return an idempotent producer. lz4 is never used: aiokafka's is not what brokers write."""
    return AIOKafkaProducer(
        **client_settings(brokers, source.strip("/").replace("/", "-")),
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        max_batch_size=BATCH_BYTES,
    )


@asynccontextmanager
async def unavailable_on_error(beside_s: float = 0.0) -> AsyncIterator[None]:
    """Say `Unavailable` for whatever the client or the network raises, and for silence.

    `beside_s` is how long the call itself may wait.
    """
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S + beside_s):
            yield
    except _ERRORS as error:
        raise Unavailable(str(error) or type(error).__name__) from error


async def close_soon(close: Callable[[], Awaitable[None]]) -> None:
    """Close a client, whatever its state, and do not wait long for it.

    In a task of its own: aiokafka awaits tasks that it has cancelled, and that must not end its caller.
    """
    closing = asyncio.ensure_future(close())
    try:
        await asyncio.wait([closing], timeout=CLOSE_TIMEOUT_S)
    finally:
        closing.cancel()
    if closing.done() and not closing.cancelled():
        with suppress(*_ERRORS):
            closing.result()


async def abandon(producer: AIOKafkaProducer) -> None:
    """End a producer whose records may not be sent any more: the next one sends them.

    Its own `stop` would go on trying to deliver them, without limit.
    """
    sender = producer._sender.sender_task  # noqa: SLF001 - nothing public ends it undelivered
    if sender is not None:
        sender.cancel()
    await close_soon(producer.client.close)
    if sender is not None:
        sender.cancel()  # it may wait for a request that nobody will answer any more
    producer._closed = True  # noqa: SLF001 - there is nothing left to stop


class Session:
    """A client that is opened when first used and thrown away by any error; tasks take turns."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._turn = asyncio.Lock()
        self._client: AIOKafkaClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def with_client(self, use: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
        """Run requests over the client. Raises `Unavailable`."""
        # Whoever is cancelled leaves; what was asked is answered, and the connection stays whole.
        return await asyncio.shield(self._with_client(use))

    async def with_consumer(self, use: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        """Ask about positions. Raises `Unavailable`."""
        return await asyncio.shield(self._with_consumer(use))

    async def _with_client(self, use: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
        async with self._turn, self._thrown_away_on_error(), unavailable_on_error():
            if self._client is None:
                self._client = new_client(self._brokers)
                await self._client.bootstrap()
            return await use(self._client)

    async def _with_consumer(self, use: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        async with self._turn, self._thrown_away_on_error(), unavailable_on_error():
            if self._consumer is None:
                self._consumer = new_consumer(self._brokers)
                await self._consumer.start()
            return await use(self._consumer)

    async def close(self) -> None:
        """Close what is open."""
        client, self._client = self._client, None
        consumer, self._consumer = self._consumer, None
        if client is not None:
            await close_soon(client.close)
        if consumer is not None:
            await close_soon(consumer.stop)

    @asynccontextmanager
    async def _thrown_away_on_error(self) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            await self.close()
            raise
