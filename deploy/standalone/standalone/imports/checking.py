"""Reading every row of every set before anything is written."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import orjson

from standalone.console.failure import USAGE, Failure
from standalone.imports.cells import Rejected, RowReader, World
from standalone.imports.commands import Item, item_of
from standalone.imports.language import every_source
from standalone.imports.model import LookUp, Plan, SetPlan
from standalone.imports.nodes import Mistakes, nearest
from standalone.imports.tables import BadRow, Row, Table


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not imported: where it stands and why."""

    set_name: str
    file: Path
    line: int
    column: str
    reason: str
    code: str
    cells: Mapping[str, str] | str


@dataclass(slots=True)
class SetCheck:
    """What reading one set found."""

    rows: int = 0
    items: int = 0
    repeated: int = 0
    left_out: int = 0
    rejected: int = 0
    steps: dict[str, int] = field(
        default_factory=dict
    )  # funnel steps named, and on which line first


@dataclass(frozen=True, slots=True)
class Opened:
    """The mapping with its files opened: what a run works on."""

    plan: Plan
    tables: Mapping[str, Table]
    world: World


def open_files(plan: Plan, files: Mapping[str, Path]) -> Opened:
    """Open every file that the mapping reads, and compare their columns with it."""
    tables: dict[str, Table] = {}
    mistakes = Mistakes(plan.path)
    for one in plan.sets:
        if one.file not in tables:
            tables[one.file] = Table(_path(one.file, files, plan), one.delimiter)
        _check_columns(one, tables[one.file], mistakes)
    world = World(plan.source, plan.currency)
    world.kinds = {one.name: one.kind_name for one in plan.sets}
    world.look_ups = _load_look_ups(plan, files, tables, mistakes)
    mistakes.stop_if_any()
    return Opened(plan, tables, world)


def _path(name: str, files: Mapping[str, Path], plan: Plan) -> Path:
    if name in files:
        return files[name]
    raise Failure(
        f"the mapping reads a file called {name}, and none was given",
        because=(f"{plan.path} names it; --lookup says where it is",),
        help=f"add  --lookup {name}=FILE",
        code="missing-file",
        exit_code=USAGE,
    )


def _check_columns(one: SetPlan, table: Table, mistakes: Mistakes) -> None:
    for source in every_source(one):
        if source.column and table.columns is not None and source.column not in table.columns:
            _unknown_column(source.line, source.column, table, mistakes)


def _unknown_column(line: int, column: str, table: Table, mistakes: Mistakes) -> None:
    columns = table.columns or ()
    meant = nearest(column, columns)
    hint = f"did you mean {meant}?" if meant else "it has " + ", ".join(columns[:20])
    mistakes.add(line, f"{table.path.name} has no column {column}: {hint}")


def _load_look_ups(
    plan: Plan, files: Mapping[str, Path], tables: dict[str, Table], mistakes: Mistakes
) -> dict[LookUp, dict[str, str]]:
    loaded: dict[LookUp, dict[str, str]] = {}
    for one in plan.sets:
        for source in every_source(one):
            wanted = source.look_up
            if wanted is None or wanted in loaded:
                continue
            if wanted.file not in tables:
                delimiter = plan.files.get(wanted.file)
                tables[wanted.file] = Table(_path(wanted.file, files, plan), delimiter)
            loaded[wanted] = _load(wanted, tables[wanted.file], source.line, mistakes)
    return loaded


def _load(wanted: LookUp, table: Table, line: int, mistakes: Mistakes) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in (wanted.match, wanted.take):
        if table.columns is not None and column not in table.columns:
            _unknown_column(line, column, table, mistakes)
            return found
    for row in table.rows():
        if isinstance(row, BadRow):
            raise Failure(
                f"cannot use {table.path} as a look-up",
                because=(f"line {row.line}: {row.reason}",),
                help="repair the line; nothing was written",
                code="unreadable-file",
            )
        key = row.cells.get(wanted.match, "").strip()
        value = row.cells.get(wanted.take, "").strip()
        if found.setdefault(key, value) != value:
            raise Failure(
                f"cannot use {table.path} as a look-up",
                because=(f'line {row.line}: {wanted.match} "{key}" occurs with two values',),
                help=f"a look-up needs each {wanted.match} once; nothing was written",
                code="ambiguous-look-up",
            )
    return found


class SetReader:
    """Turns the rows of one set into items, the same way in the check and in the run."""

    def __init__(self, opened: Opened, one: SetPlan, reject: Callable[[Reject], None]) -> None:
        self.plan = one
        self.check = SetCheck()
        self._table = opened.tables[one.file]
        self._world = opened.world
        self._reject = reject
        self._seen: dict[str, tuple[int, bytes]] = {}
        self._subjects: dict[str, int] = {}

    def items(self) -> Iterator[tuple[int, Item]]:
        """Yield the items in the order of the file, with the line each stands on."""
        for row in self._table.rows():
            self.check.rows += 1
            if isinstance(row, BadRow):
                self._refuse(row.line, Rejected("", row.reason, "bad-row"), row.text)
                continue
            try:
                item = self._item(row)
            except Rejected as rejected:
                self._refuse(row.line, rejected, row.cells)
                continue
            if item is not None:
                self.check.items += 1
                yield row.line, item
        self._world.keys[self.plan.name] = self._subjects

    def _item(self, row: Row) -> Item | None:
        reader = RowReader(self.plan, row, self._world)
        if not reader.holds(self.plan.only):
            self.check.left_out += 1
            return None
        key = reader.key()
        first = self._seen.get(key)
        if first is not None and self.plan.repeated == "first":
            self.check.repeated += 1
            return None
        try:
            item = item_of(reader)
        finally:
            self._world.missing.update(reader.missed)
        digest = sha256(orjson.dumps(item.commands)).digest()
        if first is None:
            self._seen[key] = (row.line, digest)
            self._subjects.setdefault(reader.subject(), row.line)
            self._note_steps(row.line, item)
            return item
        if self.plan.repeated == "same" and first[1] == digest:
            self.check.repeated += 1
            return None
        raise Rejected(
            self.plan.key[0].place,
            f'"{key}" was on line {first[0]} already'
            + (" with other values" if self.plan.repeated == "same" else ""),
            "repeated-key",
        )

    def _note_steps(self, line: int, item: Item) -> None:
        for command in item.commands:
            step = command.get("stage")
            if isinstance(step, str):
                self.check.steps.setdefault(step, line)

    def _refuse(self, line: int, why: Rejected, cells: Mapping[str, str] | str) -> None:
        self.check.rejected += 1
        self._reject(
            Reject(self.plan.name, self._table.path, line, why.column, why.reason, why.code, cells)
        )


def check_all(
    opened: Opened, reject: Callable[[Reject], None], progress: Callable[[SetPlan, SetCheck], None]
) -> dict[str, SetCheck]:
    """Read every set once; unmatched values are counted in the world."""
    found = {}
    for one in opened.plan.sets:
        reader = SetReader(opened, one, reject)
        for _ in reader.items():
            progress(one, reader.check)
        if reader.check.rows == 0:
            raise Failure(
                f"{opened.tables[one.file].path} has no rows",
                help="it has a header and nothing below it; nothing was written",
                code="empty-file",
            )
        found[one.name] = reader.check
    return found
