"""Named fault points: calls on a no-op object that tests replace, on real processes.

A point is a place where the process may die; the name says where. In production `point` does nothing.
"""

from typing import Literal, Protocol

FaultName = Literal[
    "write.before_commit",
    "write.after_commit",
    "relay.after_select",
    "relay.after_append",
    "relay.after_delete",
    "fold.before_begin",
    "fold.after_partitions",
    "fold.after_tenants",
    "fold.after_duplicates",
    "fold.after_entities",
    "fold.after_journal",
    "fold.after_differences",
    "fold.after_positions",
    "fold.after_commit",
    "reaction.before_commit",
    "reaction.after_commit",
    "rebuild.after_fold",
    "rebuild.before_flip",
    "rebuild.after_flip",
    "webhook.after_send",
]


class FaultInjector(Protocol):
    """What a test puts in place of nothing."""

    def point(self, name: FaultName) -> None:
        """Pass, raise, stop or kill the process."""
        ...


class NoFaults:
    """Production: nothing happens."""

    def point(self, name: FaultName) -> None:
        """Do nothing."""


_injector: FaultInjector = NoFaults()


def point(name: FaultName) -> None:
    """Mark a place where a process may die."""
    _injector.point(name)


def install(injector: FaultInjector) -> None:
    """Put a test's injector in place; only `onefunnel.testing` calls this."""
    global _injector  # noqa: PLW0603 - one injector per process is the point of it
    _injector = injector
