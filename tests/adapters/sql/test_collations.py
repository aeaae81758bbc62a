"""Texts that only differ by blanks at their end are different texts, whatever the collation of the database says."""

from __future__ import annotations

import pytest

from nabe.model.dataset import FieldType
from nabe.model.expr import Compare, Op
from nabe.model.query import Scan
from nabe.testing.sealing import seal

from .support import dataset, open_source, rows

FALLS = "create table falls (id int primary key, merkmal varchar(20) character set utf8mb4)"


@pytest.fixture
def falls(mariadb, tmp_path):
    mariadb.run(FALLS)
    mariadb.run("insert into falls values (1, 'selten'), (2, 'selten '), (3, 'selten  '), (4, 'selten\n')")
    yield (
        open_source(tmp_path, {"url": mariadb.url}),
        dataset("falls", {"id": FieldType.INTEGER, "merkmal": FieldType.STRING}),
    )
    mariadb.run("drop table falls")


def test_they_do_not_make_a_group_large_enough_to_be_shown(falls):
    source, table = falls
    sealed = seal(table, Scan(table.id, ("merkmal",)), columns=frozenset({"merkmal"}), min_group=2)
    assert rows(source, sealed) == []


def test_each_is_found_by_itself_and_in_its_order(falls):
    source, table = falls
    one = seal(table, Scan(table.id, ("id",), where=Compare("merkmal", Op.EQ, "selten ")))
    assert rows(source, one) == [(2,)]
    assert rows(source, seal(table, Scan(table.id, ("id",), where=Compare("merkmal", Op.LT, "selten")))) == []
