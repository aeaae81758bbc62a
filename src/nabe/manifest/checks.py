"""Do the declarations fit together? Every finding names the document and what would be right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nabe.errors import Invalid, NabeError
from nabe.manifest.circles import circles, tables
from nabe.manifest.device_documents import dataset_profile_problems, profile_problems
from nabe.manifest.problems import Problem, Severity, nearest
from nabe.manifest.rules import check_rules
from nabe.manifest.secrets import clear_secrets
from nabe.manifest.streams import check_stream
from nabe.model.catalogue import City, Goal, Noun, Snapshot, kind_of
from nabe.model.dataset import Dataset, FieldType, Mode, Register, RegisterOf, System
from nabe.model.device import Profile
from nabe.model.party import Organisation
from nabe.model.units import NotConvertible, conversion
from nabe.model.usecase import Grant, UseCase
from nabe.schedule import schedule

Where = Callable[[Noun, tuple[Any, ...]], tuple[str, int]]
ParseFilter = Callable[[str, Dataset], object]
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)


def check_snapshot(
    snapshot: Snapshot,
    adapters: Mapping[str, Any],
    parse_filter: ParseFilter | None = None,
    describe: Callable[..., Any] | None = None,
) -> list[Problem]:
    """Errors of a whole set of declarations, however they came."""
    found = check(snapshot.nouns(), adapters, parse_filter, describe, lambda noun, _: (f"{kind_of(noun)} {noun.id}", 0))
    return [problem for problem in found if problem.severity is Severity.ERROR]


def check(
    nouns: Sequence[Noun],
    adapters: Mapping[str, Any],
    parse_filter: ParseFilter | None,
    describe: Callable[..., Any] | None,
    where: Where,
) -> list[Problem]:
    """All findings."""
    return list(_Check(Snapshot.of(list(nouns)), nouns, adapters, parse_filter, describe, where).findings())


class _Check:
    def __init__(
        self,
        snapshot: Snapshot,
        nouns: Sequence[Noun],
        adapters: Mapping[str, Any],
        parse_filter: ParseFilter | None,
        describe: Callable[..., Any] | None,
        where: Where,
    ) -> None:
        self.all = snapshot
        self.nouns = nouns
        self.adapters = adapters
        self.parse_filter = parse_filter
        self.describe = describe
        self.where = where

    def findings(self) -> Iterator[Problem]:
        cities = [noun for noun in self.nouns if isinstance(noun, City)]
        if len(cities) > 1:
            yield self.says(cities[1], (), "there is more than one city")
        for noun in self.nouns:
            match noun:
                case Organisation():
                    yield from self.tree(noun, noun.parent, self.all.organisations, "organisation")
                case Goal():
                    yield from self.tree(noun, noun.parent, self.all.goals, "goal")
                case System():
                    yield from self.system(noun)
                case Dataset():
                    yield from self.dataset(noun)
                case UseCase():
                    yield from self.usecase(noun)
                case Profile():
                    yield from (self.says(noun, *found) for found in profile_problems(noun))
        yield from self.cycles()
        yield from self.overlapping_floors()

    def says(
        self, noun: Noun, path: tuple[Any, ...], message: str, hint: str = "", severity: Severity = Severity.ERROR
    ) -> Problem:
        file, line = self.where(noun, path)
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        return Problem(file, line, field, message, hint, severity)

    def known(
        self, noun: Noun, path: tuple[Any, ...], id: str, table: Mapping[str, Any], what: str
    ) -> Iterator[Problem]:
        if id not in table:
            yield self.says(noun, path, f"there is no {what} {id!r}", nearest(id, table))

    def tree(self, noun: Any, parent: str, table: Mapping[str, Any], what: str) -> Iterator[Problem]:
        if not parent:
            return
        yield from self.known(noun, ("parent",), parent, table, what)
        seen, at = [noun.id], parent
        while at in table and at not in seen:
            seen.append(at)
            at = table[at].parent
        if at == noun.id:
            yield self.says(noun, ("parent",), f"goes round in a circle: {' -> '.join([*seen, at])}")

    def system(self, system: System) -> Iterator[Problem]:
        yield from self.known(system, ("owner",), system.owner, self.all.organisations, "organisation")
        if system.adapter not in self.adapters:
            hint = nearest(system.adapter, self.adapters)
            yield self.says(system, ("adapter",), f"no adapter {system.adapter!r} is installed", hint)
            return
        yield from self.secrets(system, "connection", system.connection)
        if system.check_every:
            yield from self.schedule(system, ("check_every",), system.check_every)
        for sentence in self.adapters[system.adapter].check_system(system):
            yield self.says(system, ("connection",), sentence)

    def secrets(self, noun: Noun, part: str, settings: Any) -> Iterator[Problem]:
        for path in clear_secrets(settings, (part,)):
            hint = "write ${NAME_OF_AN_ENVIRONMENT_VARIABLE} or file:path"
            yield self.says(noun, path, "a secret must not stand in a declaration", hint)

    def dataset(self, dataset: Dataset) -> Iterator[Problem]:
        yield from self.known(dataset, ("owner",), dataset.owner, self.all.organisations, "organisation")
        yield from self.secrets(dataset, "source", dataset.source)
        names = [field.name for field in dataset.fields]
        for number, field in enumerate(dataset.fields):
            if names.index(field.name) != number:
                yield self.says(dataset, ("fields", number, "name"), f"field {field.name!r} is declared twice")
            yield from self.field(dataset, number)
        for part in ("key", "subject", "time"):
            value = getattr(dataset, part)
            for name in value if isinstance(value, tuple) else (value,):
                if name and name not in names:
                    yield self.says(dataset, (part,), f"there is no field {name!r}", nearest(name, names))
        yield from self.snapshots(dataset)
        for path, message, hint in check_rules(dataset, self.all.datasets, self.describe):
            yield self.says(dataset, path, message, hint)
        for path, message, hint in check_stream(dataset, self.all.systems.get(dataset.system), self.adapters):
            yield self.says(dataset, path, message, hint)
        if dataset.mode is Mode.STREAM:
            for path, message, hint in dataset_profile_problems(dataset, self.all.profiles):
                yield self.says(dataset, path, message, hint)
        if dataset.register is not None:
            yield from self.register(dataset, dataset.register, names)
        if dataset.product is not None:
            yield from self.product(dataset)
        elif system := self.all.systems.get(dataset.system):
            adapter = self.adapters.get(system.adapter)
            for sentence in adapter.check_dataset(system, dataset) if adapter else ():
                yield self.says(dataset, ("source",), sentence)
        else:
            yield from self.known(dataset, ("system",), dataset.system, self.all.systems, "system")

    def snapshots(self, dataset: Dataset) -> Iterator[Problem]:
        if dataset.mode is Mode.SNAPSHOT and dataset.snapshots is None:
            yield self.says(dataset, ("mode",), "snapshot needs to know when", "for instance snapshots: {every: PT1H}")
        if dataset.snapshots is None:
            return
        yield from self.schedule(dataset, ("snapshots", "every"), dataset.snapshots.every)

    def schedule(self, noun: Noun, path: tuple[Any, ...], text: str) -> Iterator[Problem]:
        try:
            schedule(text)
        except Invalid as error:
            yield self.says(noun, path, error.detail, error.hint)

    def register(self, dataset: Dataset, register: Register, names: list[str]) -> Iterator[Problem]:
        """Has a register what makes it one, and are its fields there?"""
        for name in register.fields:
            if name not in names:
                yield self.says(dataset, ("register",), f"there is no field {name!r}", nearest(name, names))
        houses = register.number or register.ranges
        lacking = {
            RegisterOf.STREETS: [part for part in ("key", "name") if not getattr(register, part)],
            RegisterOf.DISTRICTS: [] if register.key else ["key"],
            RegisterOf.ADDRESSES: [*([] if register.name else ["name"]), *([] if houses else ["number"])],
        }[register.of]
        for part in lacking:
            yield self.says(
                dataset, ("register",), f"a register of {register.of.value} needs {part!r}", f"{part}: a field"
            )

    def field(self, dataset: Dataset, number: int) -> Iterator[Problem]:
        field = dataset.fields[number]
        if field.vocabulary:
            path = ("fields", number, "vocabulary")
            yield from self.known(dataset, path, field.vocabulary, self.all.vocabularies, "vocabulary")
        if field.source_unit:
            yield from self.unit(dataset, number)
        if field.references is None:
            return
        other = self.all.datasets.get(field.references.dataset)
        path = ("fields", number, "references")
        if other is None:
            yield from self.known(dataset, path, field.references.dataset, self.all.datasets, "dataset")
        elif other.field(field.references.field) is None:
            hint = nearest(field.references.field, [item.name for item in other.fields])
            yield self.says(dataset, path, f"{other.id!r} has no field {field.references.field!r}", hint)

    def unit(self, dataset: Dataset, number: int) -> Iterator[Problem]:
        """Can the silo's numbers be converted as declared?"""
        field, path = dataset.fields[number], ("fields", number, "source_unit")
        if dataset.product is not None:
            yield self.says(dataset, path, "a product has no silo: its SQL converts", "leave source_unit out")
        elif field.type is not FieldType.NUMBER:
            message = f"{field.name!r} is {field.type.value}; only numbers can be converted"
            yield self.says(dataset, path, message, "type: number")
        elif not field.unit:
            yield self.says(dataset, path, "there is no unit to convert to", "unit: a UCUM code")
        else:
            try:
                conversion(field.source_unit, field.unit)
            except NotConvertible as error:
                yield self.says(
                    dataset, path, f"cannot be converted: {error}", "UCUM codes, e.g. kW.h, J, Cel, K, mg/L"
                )

    def product(self, dataset: Dataset) -> Iterator[Problem]:
        assert dataset.product is not None
        yield from self.known(dataset, (), dataset.product.use_case, self.all.usecases, "use case")
        if self.describe is None:
            return
        try:
            made = {field.name.lower() for field in self.describe(dataset.product.sql, self.all.datasets)}
        except NabeError as error:
            yield self.says(dataset, ("sql",), error.detail, error.hint)
            return
        for number, field in enumerate(dataset.fields):
            if field.source_column.lower() not in made:
                hint = nearest(field.name, made)
                yield self.says(dataset, ("fields", number), f"the SQL gives no column {field.source_column!r}", hint)

    def usecase(self, case: UseCase) -> Iterator[Problem]:
        yield from self.known(case, ("owner",), case.owner, self.all.organisations, "organisation")
        for number, goal in enumerate(case.goals):
            yield from self.known(case, ("goals", number), goal, self.all.goals, "goal")
        for number, member in enumerate(case.members):
            if not (member.person or member.role or member.organisation):
                yield self.says(case, ("members", number), "names nobody", "give person, role or organisation")
            if member.organisation:
                path = ("members", number, "organisation")
                yield from self.known(case, path, member.organisation, self.all.organisations, "organisation")
        seen: set[str] = set()
        for number, grant in enumerate(case.grants):
            if grant.dataset in seen:
                message = f"a second grant for {grant.dataset!r}"
                yield self.says(case, ("grants", number), message, "merge the two: one table per use case and dataset")
            seen.add(grant.dataset)
            yield from self.grant(case, number, grant)

    def grant(self, case: UseCase, number: int, grant: Grant) -> Iterator[Problem]:
        path: tuple[Any, ...] = ("grants", number)
        dataset = self.all.datasets.get(grant.dataset)
        if dataset is None:
            yield from self.known(case, (*path, "dataset"), grant.dataset, self.all.datasets, "dataset")
            return
        names = [field.name for field in dataset.fields]
        for part in ("columns", "measures", "rounding"):
            for name in getattr(grant, part):
                if name not in names and not (part == "columns" and name == "*"):
                    yield self.says(case, (*path, part), f"{dataset.id!r} has no field {name!r}", nearest(name, names))
                elif part != "columns" and (field := dataset.field(name)) and field.type not in _NUMBERS:
                    yield self.says(case, (*path, part), f"{name!r} is not a number")
        yield from self.floor(case, path, grant, dataset)
        if grant.where and self.parse_filter is not None:
            try:
                self.parse_filter(grant.where, dataset)
            except NabeError as error:
                yield self.says(case, (*path, "where"), error.detail, error.hint)
        yield from self.consent(case, path, grant, dataset)

    def floor(self, case: UseCase, path: tuple[Any, ...], grant: Grant, dataset: Dataset) -> Iterator[Problem]:
        """Do columns, rounding, measures and the minimum group fit each other?"""
        seen = {
            field.name
            for field in dataset.fields
            if field.name in grant.columns or ("*" in grant.columns and not field.personal)
        }
        if not grant.columns:
            yield self.says(case, path, "no columns: nothing may be read", "columns: [...]", Severity.WARNING)
        if grant.measures and grant.min_group < 2:
            yield self.says(case, (*path, "measures"), "measures need a min_group of at least 2")
        if grant.min_group == 1:
            yield self.says(case, (*path, "min_group"), "a group of 1 protects nobody", "2 or more", Severity.WARNING)
        for part in ("measures", "rounding"):
            for name in getattr(grant, part):
                if grant.columns and dataset.field(name) is not None and name not in seen:
                    message = f"{name!r} is not among the columns, so it is not seen at all"
                    yield self.says(case, (*path, part), message, f"add {name!r} to columns", Severity.WARNING)
        if grant.min_group > 1 and dataset.subject and dataset.subject in seen:
            message = f"{dataset.subject!r} tells the subjects apart: every group has one, so no row is shown"
            yield self.says(case, (*path, "columns"), message, f"leave {dataset.subject!r} out", Severity.WARNING)

    def consent(self, case: UseCase, path: tuple[Any, ...], grant: Grant, dataset: Dataset) -> Iterator[Problem]:
        """Is there a consent that somebody can have given, and does the grant still count?"""
        now = dt.datetime.now(dt.UTC)
        if grant.approval is not None and grant.approval.at > now + dt.timedelta(days=1):
            message = f"the consent is of {grant.approval.at.date()}, which is yet to come"
            yield self.says(case, (*path, "approval", "at"), message, "", Severity.WARNING)
        if grant.approval is not None and not grant.approval.by:
            yield self.says(case, (*path, "approval", "by"), "nobody is named", "the account of the data owner")
        elif grant.approval is not None and any(member.person == grant.approval.by for member in case.members):
            message = f"{grant.approval.by!r} works in this use case and has approved it, too"
            yield self.says(case, (*path, "approval", "by"), message, "another person should", Severity.WARNING)
        if grant.approval is None:
            message = f"the owner {dataset.owner!r} has not approved it yet; nothing is read until then"
            yield self.says(case, path, message, f"nabe approve {case.id} {dataset.id}", Severity.WARNING)
        if grant.expires is not None and grant.expires < now.date():
            yield self.says(case, (*path, "expires"), f"expired on {grant.expires}", "", Severity.WARNING)

    def cycles(self) -> Iterator[Problem]:
        """Products that read themselves, over however many others."""
        products = {dataset.id: dataset for dataset in self.all.datasets.values() if dataset.product is not None}
        reads = {id: tables(item.product.sql) & set(products) for id, item in products.items() if item.product}
        for circle in circles(reads):
            path = " -> ".join((*circle, circle[0]))
            yield self.says(products[circle[0]], ("sql",), f"products read each other in a circle: {path}")

    def overlapping_floors(self) -> Iterator[Problem]:
        """Two tables with minimum groups of one dataset: their difference may reveal a small cell."""
        first: dict[str, tuple[UseCase, Grant]] = {}
        for case in self.all.usecases.values():
            for number, grant in enumerate(case.grants):
                if grant.min_group < 2:
                    continue
                other = first.setdefault(grant.dataset, (case, grant))
                if set(other[1].columns) != set(grant.columns):
                    yield self.says(
                        case,
                        ("grants", number, "columns"),
                        f"{other[0].id!r} sees {grant.dataset!r} in other groups; the difference may reveal small cells",
                        "agree on one set of columns, or make sure that nobody works in both",
                        Severity.WARNING,
                    )
