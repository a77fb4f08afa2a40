"""What every caller of a world must be answered, from the words of the file and the chart alone."""

from collections.abc import Iterator
from datetime import date, timedelta

from tests.api.rights_interpreter import Interpreter

from .chart import days, days_of
from .world import Adjusted, Assigned, Who, World

PERSONAL = {"self", "subtree", "team"}


class Truth:
    """The second reader of a world."""

    def __init__(self, world: World, file: Interpreter) -> None:
        self.world = world
        self.file = file

    def relations(self, who: Who, kind: str, id_: str) -> set[str]:
        """Return every relation in which a thing stands to a caller."""
        world = self.world
        if kind == "lead":
            return {world.chart.relation(who.person, world.leads[id_], world.today)}
        if kind in {"deal", "activity"}:
            deal = world.activities[id_] if kind == "activity" else id_
            return {world.chart.relation(who.person, world.deals[deal], world.today)}
        if kind == "adjustment":
            about = world.adjustments[id_]
            return {world.chart.relation(who.person, about.person, about.day)}
        assigned = world.assignments[id_]
        return {
            world.chart.relation(who.person, assigned.person, day) for day in self._days(assigned)
        }

    def answer(self, who: Who, resource: str, action: str, relations: set[str]) -> int:
        """Return 200, or 403 for what is seen and not allowed, or 404 for what is not there."""
        answers = [self.file.answer(who.role, resource, action, one) for one in relations]
        if all(answer == 404 for answer in answers) or self._shut(who, resource, action):
            return 404
        return 200 if set(answers) == {200} else 403

    def list_status(self, who: Who, resource: str, action: str = "read") -> int:
        """Return how a list is answered at all, or a file of it."""
        if not self.file.named(who.role, resource, action):
            return 403
        return 404 if self._shut(who, resource, action) else 200

    def listed(self, who: Who, kind: str, resource: str) -> set[str]:
        """Return the ids in the list of a kind of things that follow the day."""
        every = {
            "lead": self.world.leads,
            "deal": self.world.deals,
            "activity": self.world.activities,
            "assignment": self.world.assignments,
            "adjustment": self.world.adjustments,
        }[kind]
        return {
            id_
            for id_ in every
            if any(
                self.file.may(who.role, resource, "read", relation)
                for relation in self.relations(who, kind, id_)
            )
        }

    def pay(self, who: Who, resource: str, person: str, month: str) -> bool:
        """Say whether a caller sees somebody's pay of a month."""
        relation = self.world.chart.during(who.person, person, *days_of(month))
        return self.file.may(who.role, resource, "read", relation)

    def counted(self, who: Who, resource: str) -> set[str]:
        """Return the deals whose creation is in the numbers of a caller: by who was whose on that day."""
        return {
            deal
            for deal, owner in self.world.deals.items()
            if self.file.may(
                who.role,
                resource,
                "read",
                self.world.chart.relation(who.person, owner, self.world.created[deal]),
            )
        }

    def grouped(self, who: Who, resource: str) -> bool:
        """Say whether a caller sees no more than numbers about groups."""
        return "agg" in self.file.cells.get((who.role, resource, "read"), ())

    def may_decide(self, who: Who, about: Adjusted) -> bool:
        """Say whether a caller is a second person, whom the amount is not for."""
        return who.person is not None and who.person not in {about.person, about.proposer}

    def postings(self) -> list[tuple[str, str]]:
        """Return whose book has an amount by hand, in which month: of approved ones, and their sum is not 0."""
        return [
            (one.person, one.day.isoformat()[:7])
            for one in self.world.adjustments.values()
            if one.status == "approved"
        ]

    def _shut(self, who: Who, resource: str, action: str) -> bool:
        """Say whether a key of nobody stands in no relation that the role has here."""
        words = set(self.file.cells.get((who.role, resource, action), ()))
        read = set(self.file.cells.get((who.role, resource, "read"), ()))
        words |= set() if "agg" in read else read
        return who.person is None and words <= PERSONAL

    def _days(self, assigned: Assigned) -> Iterator[date]:
        # Nobody moves after the day after tomorrow: one day more is like all that follow.
        last = assigned.last or self.world.today + timedelta(days=4)
        return days(assigned.first, max(last, assigned.first))
