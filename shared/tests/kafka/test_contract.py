"""The Kafka log passes the contract."""

from onefunnel.testing.log_contract import LogContract


class TestKafkaLog(LogContract):
    """The contract."""
