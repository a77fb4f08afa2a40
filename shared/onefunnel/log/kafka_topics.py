"""Topics of the log in Kafka: made by `migrate`, and checked before anybody works on them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from onefunnel.errors import Refused
from onefunnel.events.topics import TOPICS, Topic
from onefunnel.log.kafka_access import IN_THE_CLEAR, Access, Brokers
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.kafka_metadata import Found, find_topics
from onefunnel.log.kafka_register import REGISTER, Birth
from onefunnel.log.kafka_session import (
    Session,
    client_settings,
    close_soon,
    unavailable_on_error,
)
from onefunnel.log.kafka_shape import Copies, faults_of, settings_of
from onefunnel.log.port import Outgoing, Unavailable
from onefunnel.wakeups import Listener, Pace

_MIGRATE: Final = "/onefunnel/migrate"


class WrongTopics(Refused):
    """Topics are not as they must be; only an operator can tell what to do about it."""


class KafkaTopics:
    """The topics of one installation, as they are to be."""

    def __init__(
        self,
        bootstrap: str,
        copies: Copies,
        topics: Sequence[Topic] = TOPICS,
        *,
        prefix: str = "",
        access: Access = IN_THE_CLEAR,
    ) -> None:
        self._brokers = Brokers(bootstrap, access)
        self._copies = copies
        self._prefix = prefix
        self._topics = {prefix + topic.name: topic for topic in topics}
        self._all = {**self._topics, prefix + REGISTER: Topic(REGISTER, partitions=1)}
        self._session = Session(self._brokers)
        self._log = KafkaLog(bootstrap, topics, prefix=prefix, access=access)

    async def create(self) -> None:
        """Create the topics that are missing, register all new ones, and check all.

        Many processes may do it at once. Raises `WrongTopics`, or `Unavailable`.
        """
        pace = Pace()
        found = await self._find()
        await self._create(self._all.keys() - found.keys())
        while len(found := await self._find()) < len(self._all):
            await Listener().wait(pace.pause_s())  # brokers hear of them a moment later
        await self._register(found)
        await self.check()

    async def check(self) -> None:
        """Raise `WrongTopics` where a topic is not as it must be, `Unavailable` where one is missing."""
        found = await self._find()
        settings = await self._settings(found)
        wrong = [
            fault
            for name, has in found.items()
            for fault in faults_of(name, self._all[name], self._copies, has, settings[name])
        ]
        if wrong:
            raise WrongTopics("; ".join(wrong))
        await self._log.topics()
        births = await self._log.births()
        if unknown := [n for n, topic in self._topics.items() if topic.name not in births]:
            raise Unavailable(f"topics that `migrate` has not registered: {', '.join(unknown)}")

    async def close(self) -> None:
        """Close what is open."""
        await self._session.close()
        await self._log.close()

    async def _find(self) -> Mapping[str, Found]:
        return await self._session.with_client(lambda client: find_topics(client, self._all))

    async def _create(self, names: Collection[str]) -> None:
        new = [self._new(name) for name in sorted(names)]
        answer = await self._ask(lambda admin: admin.create_topics(new)) if new else None
        for name, error_code, message in answer.topic_errors if answer else ():
            error = for_code(error_code)
            if error_code and error is not TopicAlreadyExistsError:
                raise WrongTopics(f"{name} cannot be made: {message or error.__name__}")

    def _new(self, name: str) -> NewTopic:
        topic = self._all[name]
        return NewTopic(
            name,
            topic.partitions,
            self._copies.replication,
            topic_configs=settings_of(topic, self._copies),
        )

    async def _register(self, found: Mapping[str, Found]) -> None:
        """Write down what was born. The first word counts, so that a second time changes nothing."""
        known = await self._log.births()
        new = [
            Birth(topic.name, found[name].topic_id)
            for name, topic in self._topics.items()
            if topic.name not in known
        ]
        writer = await self._log.open_writer(_MIGRATE, 1)
        try:
            await writer.append(
                [Outgoing(REGISTER, 0, b.topic_id, msgspec.json.encode(b)) for b in new]
            )
        finally:
            await writer.close()

    async def _settings(self, names: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answers = await self._ask(lambda admin: admin.describe_configs(resources))
        return {
            name: {entry[0]: entry[1] for entry in entries}
            for answer in answers
            for _, _, _, name, entries in answer.resources
        }

    async def _ask(self, ask: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
        admin = AIOKafkaAdminClient(**client_settings(self._brokers, "admin"))
        try:
            async with unavailable_on_error():
                await admin.start()
                return await ask(admin)
        finally:
            await close_soon(admin.close)
