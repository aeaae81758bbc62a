"""Declarations survive the way through files: nouns -> YAML -> nouns, and the same bytes again."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.manifest import load, write
from nabe.model.catalogue import City, Code, Goal, Vocabulary, kind_of
from nabe.model.dataset import (
    Access,
    Dataset,
    Field,
    FieldType,
    Limits,
    Mode,
    Product,
    Reference,
    Register,
    RegisterOf,
    System,
)
from nabe.model.device import Command, Measure, Profile
from nabe.model.flat import STREAM_FIELDS
from nabe.model.party import Organisation, OrganisationKind, Role
from nabe.model.stream import Aggregate, Minimise, MinimiseKind, Stream
from nabe.model.text import Text
from nabe.model.usecase import Approval, EthicsState, Grant, Member, UseCase, UseCaseState
from nabe.testing.canary_city import nouns as canaries

# YAML cannot hold every code point, and blanks around a text are nobody's intent.
words = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")) | st.sampled_from("\n\t:#-'\""), max_size=30
).map(str.strip)
some = words.filter(bool)
texts = st.builds(Text, some, words)
ids = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
plain = st.recursive(
    words | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ids, inner, max_size=3),
    max_leaves=5,
)
settings_of = st.dictionaries(ids, plain, max_size=4)
fields = st.lists(
    st.builds(
        Field,
        name=ids,
        type=st.sampled_from(list(FieldType)),
        title=st.builds(Text, words, words),
        description=st.builds(Text, words, words),
        column=words,
        unit=words,
        personal=st.booleans(),
        references=st.none() | st.builds(Reference, ids, ids),
        source_unit=words,
    ),
    min_size=1,
    max_size=4,
).map(tuple)
grants = st.builds(
    Grant,
    dataset=ids,
    columns=st.lists(ids | st.just("*"), max_size=3).map(tuple),
    where=words,
    min_group=st.integers(0, 20),
    rounding=st.dictionaries(ids, st.sampled_from([0.5, 1.0, 100.0]), max_size=2),
    expires=st.none() | st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)),
    publish=st.booleans(),
    approval=st.none() | st.builds(Approval, ids, st.datetimes(timezones=st.just(dt.UTC)), words),
    reason=st.builds(Text, words, words),
)
streams = st.builds(
    Dataset,
    id=ids,
    title=texts,
    owner=ids,
    access=st.sampled_from(list(Access)),
    fields=st.just(STREAM_FIELDS) | fields,
    system=ids,
    mode=st.just(Mode.STREAM),
    stream=st.builds(
        Stream,
        writers=st.lists(ids, max_size=2).map(tuple),
        minimise=st.lists(
            st.builds(
                Minimise,
                st.sampled_from(list(MinimiseKind)),
                some,
                step=st.sampled_from([0.0, 0.5, 10.0]),
                every=st.sampled_from(["", "P1D"]),
                function=st.sampled_from(list(Aggregate)),
                observed_properties=st.lists(some, max_size=2).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
        retention=st.sampled_from(["", "P2Y"]),
    ),
)
documents = st.one_of(
    streams,
    st.builds(Organisation, ids, texts, st.sampled_from(list(OrganisationKind)), st.just("") | ids, words),
    st.builds(Goal, ids, texts, st.builds(Text, words, words)),
    st.builds(Vocabulary, ids, texts, st.lists(st.builds(Code, some, texts, words), max_size=3).map(tuple), words),
    st.builds(
        System,
        ids,
        texts,
        ids,
        ids,
        settings_of,
        limits=st.builds(Limits, st.integers(1, 10**9), st.sampled_from([0.5, 30.0])),
    ),
    st.builds(
        Dataset,
        id=ids,
        title=texts,
        owner=ids,
        access=st.sampled_from(list(Access)),
        fields=fields,
        system=ids,
        register=st.none()
        | st.builds(
            Register,
            st.sampled_from(list(RegisterOf)),
            key=ids,
            former=st.just("") | ids,
            ranges=st.lists(st.tuples(ids, ids), max_size=2).map(tuple),
        ),
        source=settings_of,
        description=st.builds(Text, words, words),
        key=st.lists(ids, max_size=2).map(tuple),
        keywords=st.lists(some, max_size=3).map(tuple),
        update_every=st.sampled_from(["", "P1M", "PT15M"]),
        modified=st.sampled_from(["", "2026-11-24", "2026"]),
        limits=st.none() | st.builds(Limits, st.integers(1, 1000), st.just(5.0)),
    ),
    st.builds(
        UseCase,
        id=ids,
        title=texts,
        purpose=texts,
        owner=ids,
        legal_basis=words,
        state=st.sampled_from(list(UseCaseState)),
        ethics=st.sampled_from(list(EthicsState)),
        goals=st.lists(ids, max_size=2).map(tuple),
        members=st.lists(st.builds(Member, words, st.none() | st.sampled_from(list(Role)), words), max_size=3).map(
            tuple
        ),
        grants=st.lists(grants, max_size=3).map(tuple),
        expires=st.none() | st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)),
        public=st.booleans(),
    ),
    st.builds(
        Profile,
        id=ids,
        title=texts,
        measures=st.lists(
            st.builds(
                Measure,
                field=some,
                property=some,
                unit=words,
                kind=st.sampled_from(["number", "integer", "boolean", "text", "any"]),
                title=st.builds(Text, words, words),
                factor=st.sampled_from([1.0, 0.1]),
                missing=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=2).map(tuple),
                lowest=st.none() | st.just(-5.5),
                words=st.dictionaries(some, words, max_size=2),
                ports=st.lists(st.integers(0, 255), max_size=2).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
        codec=words | st.just("function decodeUplink(i) {\n\n  return {data: {a: 'x: #'}};\n}"),
        maker=words,
        every=st.sampled_from(["", "PT10M"]),
        battery=words,
        commands=st.lists(
            st.builds(
                Command,
                name=ids,
                port=st.integers(1, 223),
                parameters=st.dictionaries(some, st.just("integer"), max_size=2),
            ),
            max_size=2,
        ).map(tuple),
    ),
)


def through_files(nouns):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a"), Path(folder, "b")
        write(first, nouns)
        loaded = load(first, {}).nouns
        write(second, loaded)
        read = [
            {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
            for root in (first, second)
        ]
        assert read[0] == read[1], "writing again gives the same bytes"
        return {(kind_of(noun), noun.id): noun for noun in loaded}


@settings(max_examples=150, deadline=None)
@given(st.lists(documents, max_size=4))
def test_what_is_written_is_read_back_equal(nouns):
    nouns = list(
        {(kind_of(noun), noun.id): noun for noun in [City("stadt", Text("Stadt"), "05315000"), *nouns]}.values()
    )
    assert through_files(nouns) == {(kind_of(noun), noun.id): noun for noun in nouns}


def test_a_whole_city_with_products_is_read_back_equal():
    assert through_files(canaries()) == {(kind_of(noun), noun.id): noun for noun in canaries()}


def test_a_product_keeps_its_sql_in_a_file_of_its_own(tmp_path):
    product = Dataset(
        "p", Text("P"), "a", Access.OPEN, (Field("x", FieldType.STRING),), product=Product("fall", "SELECT 1 AS x")
    )
    write(tmp_path, [City("c", Text("C")), UseCase("fall", Text("F"), Text("Z"), "a"), product])
    assert (tmp_path / "usecases/fall/products/p.sql").read_text() == "SELECT 1 AS x\n"
