"""What the model city declares holds together, in German and English."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nabe import manifest
from nabe.demo.accounts import ACCOUNTS, GATEWAY, PASSWORD
from nabe.demo.nouns import nouns
from nabe.demo.nouns.systems import SERVICES, Silos
from nabe.demo.sensing.signals import KINDS
from nabe.governance.decide import decide
from nabe.governance.facts import Facts, belongs
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Mode
from nabe.model.decision import Action, Request
from nabe.model.stream import MinimiseKind
from nabe.model.text import Text
from nabe.model.usecase import UseCaseState
from nabe.query.text import Known, parse, parse_filter

STREAMS = {"lorawan", "mqtt_json", "sensing"}
ADAPTERS = {"file", "sql", "http_json", "ogc_features", "sensorthings", "mobility", "datex2", "oparl", *STREAMS}


@pytest.fixture(scope="module")
def city(town) -> Snapshot:
    return Snapshot.of(
        nouns(town.districts, Silos({"path": "x.sqlite"}, {name: "http://127.0.0.1:8095" for name in SERVICES}))
    )


def test_it_shows_what_was_asked_for(city):
    assert len(city.systems) == 23
    assert len(city.datasets) >= 50
    assert len(city.usecases) == 9
    assert {dataset.access for dataset in city.datasets.values()} == set(Access)
    assert {system.adapter for system in city.systems.values()} == ADAPTERS
    assert any(case.state is UseCaseState.DRAFT for case in city.usecases.values())
    assert any(grant.approval is None for case in city.usecases.values() for grant in case.grants)


def test_everything_is_labelled_synthetic_and_described_in_both_languages(city):
    assert city.city.synthetic
    for dataset in city.datasets.values():
        assert dataset.synthetic, dataset.id
        assert dataset.theme and dataset.update_every and dataset.keywords, dataset.id
        daily = dataset.update_every.startswith("PT") or dataset.update_every == "P1D"
        assert dataset.modified or dataset.snapshots or daily, f"{dataset.id}: of when is it?"
        assert bool(dataset.licence) == (dataset.access is Access.OPEN), dataset.id
    for noun in city.nouns():
        for where, text in _texts(noun):
            assert bool(text.de) == bool(text.en), f"{noun.id}: {where}"
        assert noun.title.de and noun.title.en, noun.id


def test_datasets_that_come_as_a_stream_say_how(city):
    streams = [dataset for dataset in city.datasets.values() if dataset.mode is Mode.STREAM]
    assert {dataset.id for dataset in streams} == {kind.dataset for kind in KINDS.values()}
    assert {dataset.access for dataset in streams} == {Access.OPEN, Access.INTERNAL, Access.RESTRICTED}
    assert len({dataset.owner for dataset in streams}) >= 5
    assert {rule.kind for dataset in streams for rule in dataset.stream.minimise} == {
        MinimiseKind.ROUND_TIME, MinimiseKind.AGGREGATE, MinimiseKind.ROUND, MinimiseKind.MIN_COUNT,
    }  # fmt: skip
    for dataset in streams:
        assert dataset.stream.writers == (GATEWAY.id,) and dataset.stream.retention
        granted = any(case.grant(dataset.id) for case in city.usecases.values())
        assert granted == (dataset.access is not Access.OPEN), dataset.id


def _texts(value, where=""):
    if isinstance(value, Text):
        yield where, value
    elif dataclasses.is_dataclass(value):
        for item in dataclasses.fields(value):
            yield from _texts(getattr(value, item.name), f"{where}.{item.name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}[{index}]")


def test_every_name_that_is_referred_to_is_there(city):
    for organisation in city.organisations.values():
        assert not organisation.parent or organisation.parent in city.organisations
    for system in city.systems.values():
        assert system.owner in city.organisations
    for dataset in city.datasets.values():
        assert dataset.owner in city.organisations, dataset.id
        assert (dataset.system in city.systems) != (dataset.product is not None), dataset.id
        for name in (*dataset.key, dataset.subject, dataset.time):
            assert not name or dataset.field(name), f"{dataset.id}.{name}"
        for field in dataset.fields:
            assert not field.vocabulary or field.vocabulary in city.vocabularies, f"{dataset.id}.{field.name}"
            target = field.references
            assert target is None or city.datasets[target.dataset].field(target.field), f"{dataset.id}.{field.name}"
    for case in city.usecases.values():
        assert case.owner in city.organisations and set(case.goals) <= set(city.goals)
        for grant in case.grants:
            dataset = city.datasets[grant.dataset]
            for name in (*grant.columns, *grant.measures, *grant.rounding):
                assert name == "*" or dataset.field(name), f"{case.id}: {grant.dataset}.{name}"


def test_each_consent_comes_from_an_account_that_may_give_it(city):
    actors = {account.actor.id: account.actor for account in ACCOUNTS}
    for case in city.usecases.values():
        for grant in case.grants:
            if grant.approval is None:
                continue
            dataset = city.datasets[grant.dataset]
            request = Request(actors[grant.approval.by], Action.APPROVE, dataset.id, case.id, grant.approval.at)
            assert decide(request, Facts(city, dataset, case)).permit, f"{case.id}: {grant.approval.by}, {dataset.id}"


def test_each_active_use_case_has_an_account_that_works_in_it(city):
    for case in city.usecases.values():
        if case.state is UseCaseState.ACTIVE:
            fitting = [a for a in ACCOUNTS for m in case.members if belongs(m, a.actor, city)]
            assert fitting, case.id


def test_products_name_only_what_their_use_case_was_granted_or_is_open(city):
    for dataset in city.datasets.values():
        if dataset.product is None:
            continue
        case = city.usecases[dataset.product.use_case]

        def granted(name, case=case):
            source = city.datasets[name]
            grant = case.grant(name)
            named = [f.name for f in source.fields if source.access is Access.OPEN and not f.personal]
            if grant is not None and grant.approval is not None:
                named += [f.name for f in source.fields if f.name in grant.columns or "*" in grant.columns]
            return Known(source, tuple(named))

        query = parse(dataset.product.sql, granted)
        assert query.scans


def test_the_kita_product_spans_three_silos(city):
    known = {name: Known(d, tuple(f.name for f in d.fields)) for name, d in city.datasets.items()}
    query = parse(city.datasets["kita_supply_by_district"].product.sql, lambda name: known[name])
    systems = {city.datasets[scan.dataset].system for _, scan in query.scans}
    assert systems == {"kita_verwaltung", "einwohnerwesen", "sozialhilfe"}


def test_the_guide_names_every_account_and_system(city):
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "demo.md").read_text("utf-8")
    missing = [
        name
        for name in (*(a.actor.id for a in ACCOUNTS), GATEWAY.id, *city.systems, PASSWORD)
        if f"`{name}`" not in guide
    ]
    assert not missing


def test_the_bundle_to_copy_has_the_same_product_as_the_model_city(city):
    bundle = Path(__file__).parents[2] / "blueprints" / "kita_supply"
    sql = (bundle / "products" / "kita_supply_by_district.sql").read_text("utf-8").strip()
    assert sql == city.datasets["kita_supply_by_district"].product.sql


def test_the_declarations_survive_being_written_and_read(city, tmp_path):
    class Adapter:
        def __init__(self, id):
            self.streams = id in STREAMS

        def check_system(self, system):
            return []

        def check_dataset(self, system, dataset):
            return []

    manifest.write(tmp_path, city.nouns())
    loaded = manifest.load(tmp_path, {id: Adapter(id) for id in ADAPTERS}, parse_filter=parse_filter)
    assert not loaded.errors
    assert Snapshot.of(loaded.nouns).nouns() == city.nouns()
