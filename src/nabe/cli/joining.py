"""joins: which fields of all datasets fit together, as far as the asker may read them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, err, line, opened, plain, say, show, via
from nabe.cli.data import As, UseCaseOption
from nabe.config import state_folder
from nabe.errors import NabeError
from nabe.hub import Found
from nabe.i18n import t
from nabe.linking import Comparison, compare
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import ALL_ROWS
from nabe.model.party import Actor
from nabe.model.query import Query, Scan
from nabe.model.usecase import OPEN_DATA
from nabe.profile import KeySketch, read_sketches, write_sketches
from nabe.profile.joins import Candidate, Judged, candidates, find_hidden, judge, may_hide, sketches_of
from nabe.profile.references import ENOUGH

#: Fields with more different values are told as estimated: their values are not held in memory.
_MOST_VALUES = 300_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(joins)


@dataclass(frozen=True, slots=True)
class Join:
    """A pair of fields with what came of looking at it. `told`: compared value by value, or estimated (None).

    `proposed`: the one reference to declare for the field, where none is declared."""

    candidate: Candidate
    told: Comparison | None
    judged: Judged | None
    declared: bool
    proposed: bool = False


def joins(
    dataset: Annotated[str, typer.Argument(help="Only joins from or to this dataset.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Also what may be chance, and echoes of a key beside.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Read all datasets anew, whatever is remembered.")] = False,
    use_case: UseCaseOption = OPEN_DATA,
    actor: As = "anonymous",
    lang: Annotated[str, typer.Option(help="Language of the words: de or en.")] = "de",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Find fields of all datasets that fit together, by values and by meaning, with what would not match.

    [dim]nabe joins[/dim]
    [dim]nabe joins schueler --use-case schulplanung --as erika --json[/dim]
    """
    with opened(workspace) as nabe:
        asker = actor_named(nabe, actor)
        room = _Room(nabe, asker, use_case, quiet=as_json)
        if dataset:
            nabe.hub.dataset(asker, use_case, dataset)  # says so if there is none
        sketches = room.sketches(fresh)
        found = _one_proposal_each([room.look(item) for item in candidates(sketches, dataset)])
        shown = [item for item in found if every or _worth_telling(item)]
        hidden = list(room.hidden(sketches, dataset, shown))
    if as_json:
        say({"joins": [_document(item) for item in shown], "prefixes": hidden, "not_read": room.refused})
        return
    _tell(shown, dataset, lang)
    for item in hidden:
        line("[yellow]?[/yellow] ", plain(f"{item['from']} → {item['to']}: by its first {item['width']} characters, "
             f"{item['found']} of {item['compared']}"))  # fmt: skip
    for name, why in room.refused.items():
        line("[yellow]![/yellow] ", plain(f"{name}: {why}"))


class _Room:
    """What one asker may read for one use case: sketches first, then the values of those fields that matter."""

    def __init__(self, nabe: Nabe, asker: Actor, use_case: str, *, quiet: bool) -> None:
        self._nabe, self._asker, self._use_case, self._quiet = nabe, asker, use_case, quiet
        self._found = {item.dataset.id: item for item in nabe.hub.find(asker, use_case)}
        self._values: dict[tuple[str, str], dict[str, int] | None] = {}
        self.refused: dict[str, str] = {}

    def sketches(self, fresh: bool) -> list[KeySketch]:
        """Of every field that the asker may read. Those remembered were made of all rows, so only who may see all rows
        is answered from them; for others, and for what nobody has looked at yet, the rows are read now."""
        state = state_folder(self._nabe.root)
        kept: dict[str, list[KeySketch]] = {}
        for sketch in [] if fresh else read_sketches(state):
            kept.setdefault(sketch.dataset, []).append(sketch)
        made: list[KeySketch] = []
        able = [item for item in self._found.values() if item.decision.permit and item.readable]
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True,
            disable=self._quiet or not sys.stderr.isatty(),
        )  # fmt: skip
        with bar:
            for item in bar.track(able, description="Looking at keys"):
                whole = _sees_all_rows(item)
                known = kept.get(item.dataset.id) if whole else None
                if known is None:
                    known = self._look_at(item)
                    if whole and item.dataset.id not in self.refused:
                        write_sketches(state, known, dataset=item.dataset.id)
                made += [sketch for sketch in known if sketch.field in item.readable]
        return made

    def _look_at(self, item: Found) -> list[KeySketch]:
        able = [field for field in item.dataset.fields if field.name in item.readable and _may_be_key(field)]
        if not able:
            return []
        query = Query.of(Scan(item.dataset.id, tuple(field.name for field in able)))
        try:
            result = self._nabe.hub.read(self._asker, self._use_case, query, interface=via())
            try:
                return sketches_of(item.dataset, able, iter(result.batches))
            finally:
                result.close()
        except NabeError as error:
            self.refused[item.dataset.id] = error.detail
            return []

    def look(self, candidate: Candidate) -> Join:
        """The candidate judged by its values, which are read through the hub."""
        inner, outer = candidate.inner, candidate.outer
        left, right = self._of(inner), self._of(outer)
        declared = self._declared(inner, outer)
        if left is None or right is None:
            return Join(candidate, None, None, declared)
        told = compare(left, right, examples=not (self._personal(inner) or self._personal(outer)))
        arrays = [pa.array(list(values), pa.string()) for values in (left, right)]
        unique = all(count == 1 for count in right.values())
        return Join(candidate, told, judge(candidate, *arrays, outer_unique=unique), declared)

    def hidden(self, sketches: Sequence[KeySketch], dataset: str, shown: Sequence[Join]) -> Iterator[dict[str, Any]]:
        """Longer keys that begin with keys of another dataset."""
        settled = {_inner(join) for join in shown if join.declared or join.proposed}
        for sketch in sketches:
            if (sketch.dataset, sketch.field) in settled or not may_hide(sketches, sketch):
                continue
            values = self._of(sketch)
            found = find_hidden(sketches, sketch, pa.array(list(values), pa.string())) if values else None
            if found is not None and values and (not dataset or dataset in (sketch.dataset, found.known.dataset)):
                starts = {value[: found.width] for value in values}
                keys = self._of(found.known)
                exact = (len(starts & keys.keys()), len(starts)) if keys else None
                yield {
                    "from": f"{sketch.dataset}.{sketch.field}",
                    "to": f"{found.known.dataset}.{found.known.field}",
                    "width": found.width,
                    "found": exact[0] if exact else found.overlap.found,
                    "compared": exact[1] if exact else found.overlap.compared,
                    "sql": f"left({sketch.dataset}.{sketch.field}, {found.width}) = {found.known.dataset}.{found.known.field}",
                }

    def _of(self, sketch: KeySketch) -> dict[str, int] | None:
        """Distinct values with their rows; None where there are too many, or the silo does not answer."""
        key = (sketch.dataset, sketch.field)
        if key not in self._values:
            self._values[key] = self._read(*key)
        return self._values[key]

    def _read(self, dataset: str, field: str) -> dict[str, int] | None:
        # Ids of datasets and fields are [a-z0-9_] by declaration, and the hub's parser vets the whole.
        sql = f'SELECT "{field}" AS value, count(*) AS rows FROM "{dataset}" WHERE "{field}" IS NOT NULL GROUP BY 1 LIMIT {_MOST_VALUES + 1}'  # noqa: S608
        try:
            table = self._nabe.hub.read(self._asker, self._use_case, sql, interface=via()).table()
        except NabeError as error:
            self.refused[dataset] = error.detail
            return None
        if table.num_rows > _MOST_VALUES:
            return None
        pairs = zip(table.column("value").to_pylist(), table.column("rows").to_pylist(), strict=True)
        return {str(value): int(count) for value, count in pairs if str(value).strip()}

    def _field(self, sketch: KeySketch) -> Field | None:
        return self._found[sketch.dataset].dataset.field(sketch.field)

    def _personal(self, sketch: KeySketch) -> bool:
        field = self._field(sketch)
        return field is None or field.personal

    def _declared(self, inner: KeySketch, outer: KeySketch) -> bool:
        pairs = ((inner, outer), (outer, inner))
        return any(
            field is not None
            and field.references is not None
            and (field.references.dataset, field.references.field) == (other.dataset, other.field)
            for field, other in ((self._field(one), other) for one, other in pairs)
        )


def _may_be_key(field: Field) -> bool:
    return field.type in (FieldType.STRING, FieldType.INTEGER) and not field.personal


def _sees_all_rows(item: Found) -> bool:
    duties = item.decision.obligations
    return duties.allowed == ALL_ROWS and not duties.min_group and not duties.rounding


def _worth_telling(join: Join) -> bool:
    if join.declared:
        return True
    if join.told is None or join.judged is None:
        return join.candidate.share >= ENOUGH and (join.candidate.same or join.candidate.alike)
    better = join.told.help is not None and join.told.help.values >= ENOUGH * join.told.values
    covers = join.told.used == join.told.targets > 1
    enough = join.told.share >= ENOUGH or covers or better
    meant = join.judged.good or join.candidate.same or join.candidate.alike or (covers and join.told.used >= 20)
    return not join.judged.chance and enough and meant


def _one_proposal_each(found: Sequence[Join]) -> list[Join]:
    """Declared ones first, then for each field the best to declare, then the rest: one reference each will do."""
    settled = {_inner(join) for join in found if join.declared}
    keyed = {_pair(join) for join in found if join.judged and join.judged.good and join.judged.kind}
    made: list[Join] = []
    for join in found:
        echo = join.judged is not None and not join.judged.kind and _pair(join) in keyed  # the name beside its key
        if not join.declared and join.judged and join.judged.good and not echo and _inner(join) not in settled:
            settled.add(_inner(join))
            join = replace(join, proposed=True)
        made.append(join)
    return sorted(made, key=lambda join: (not join.declared, not join.proposed))


def _pair(join: Join) -> frozenset[str]:
    return frozenset((join.candidate.inner.dataset, join.candidate.outer.dataset))


def _inner(join: Join) -> tuple[str, str]:
    return join.candidate.inner.dataset, join.candidate.inner.field


def _line(join: Join) -> str:
    """The line for the dataset document."""
    outer = join.candidate.outer
    return f"references: {{dataset: {outer.dataset}, field: {outer.field}}}"


def _document(join: Join) -> dict[str, Any]:
    inner, outer, told = join.candidate.inner, join.candidate.outer, join.told
    body: dict[str, Any] = {
        "from": {"dataset": inner.dataset, "field": inner.field},
        "to": {"dataset": outer.dataset, "field": outer.field},
        "kind": join.judged.kind if join.judged else outer.kind or inner.kind,
        "declared": join.declared,
        "proposed": join.proposed,
        "alike": join.candidate.alike,
        "exact": told is not None,
        "values": told.values if told else inner.distinct,
        "values_found": told.found if told else None,
        "share": told.share if told else join.candidate.share,
    }
    if told is None:
        return body
    body |= {
        "rows": told.rows,
        "rows_found": told.rows_found,
        "targets": told.targets,
        "targets_used": told.used,
        "cardinality": told.cardinality,
        "missing": list(told.missing),
    }
    if told.help:
        body["help"] = {
            "way": told.help.way,
            "values": told.help.values,
            "rows": told.help.rows,
            "clash": told.help.clash,
        }
    if join.proposed:
        body["yaml"] = _line(join)
    return body


def _tell(found: Sequence[Join], dataset: str, lang: str) -> None:
    if not found:
        line("Nothing fits together, as far as it may be read.")
        return
    show([_row(join, lang) for join in found], ("from", "to", "values", "rows", "used there", "how", "key", ""))
    for join in found:
        told = join.told
        if told is None or not (told.missing or told.help or dataset):
            continue
        inner, outer = join.candidate.inner, join.candidate.outer
        line(plain(f"{inner.dataset}.{inner.field} → {outer.dataset}.{outer.field}", "bold"))
        if told.missing:
            more = told.values - told.found - len(told.missing)
            line("  no match: ", plain(", ".join(map(repr, told.missing)) + (f" and {more} more" if more else "")))
        if told.help:
            line("  ", plain(t(f"linking.help.{told.help.way}", lang)), plain(f": {told.help.values} of {told.values}"),
                 plain("; some there become the same" if told.help.clash else ""))  # fmt: skip
        if join.proposed:
            line("  datasets/", plain(f"{inner.dataset}.yaml, field {inner.field}: {_line(join)}"))


def _row(join: Join, lang: str) -> dict[str, Any]:
    inner, outer, told = join.candidate.inner, join.candidate.outer, join.told
    kind = join.judged.kind if join.judged else ""
    word = "declared" if join.declared else "propose" if join.proposed else "joins"
    return {
        "from": f"{inner.dataset}.{inner.field}",
        "to": f"{outer.dataset}.{outer.field}",
        "values": f"{told.found}/{told.values}" if told else f"≈ {join.candidate.share:.0%}",
        "rows": f"{told.rows_found}/{told.rows}" if told else "",
        "used there": f"{told.used}/{told.targets}" if told else "",
        "how": told.cardinality if told else "",
        "key": t(f"profile.municipal.{kind}", lang) if kind else "",
        "": word,
    }
