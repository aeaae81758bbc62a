"""Files delivered into a folder: read as declared before anything is replaced, replaced in one step, versions kept."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.adapters.file import receiving
from nabe.errors import Conflict, Invalid, LimitExceeded, SourceRefused, SourceUnavailable, Unknown
from nabe.model.dataset import Field, FieldType
from nabe.ports.source import CanReceive
from nabe.testing.sealing import seal

from .support import dataset, open_source

FIELDS = (Field("id", FieldType.INTEGER), Field("name", FieldType.STRING), Field("am", FieldType.DATE))
CSV = b"id;name;am\n1;Spatzen;01.02.2026\n2;Finken;\n"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "daten"
    made.mkdir()
    (made / "kitas.csv").write_bytes(CSV)
    return made


def opened(root: Path, location: str = "daten", **more: Any) -> Any:
    source = open_source(root, location, **more)
    assert isinstance(source, CanReceive)
    return source


def table(path: str = "kitas.csv", **more: Any) -> Any:
    return dataset({"path": path, **more}, FIELDS, id="kitas")


def rows(source: Any, what: Any) -> list[Any]:
    return [row for batch in source.read(seal(what)).batches for row in batch.to_pylist()]


def names(source: Any, what: Any) -> list[str]:
    return [row["name"] for row in rows(source, what)]


def hold(source: Any, what: Any, body: bytes, name: str = "neu.csv") -> Any:
    return source.hold(what, name, io.BytesIO(body), "owner")


def kinds(items: Any) -> list[str]:
    return [item.kind for item in items]


def test_a_file_is_held_aside_then_replaces_the_old_one_which_is_kept(tmp_path, folder):
    source, what = opened(tmp_path), table()
    assert source.receives(what) == "" and names(source, what) == ["Spatzen", "Finken"]
    found = hold(source, what, CSV + b"3;Meisen;2026-03-01\n")
    assert found.fits and (found.rows, found.rows_before, found.notes) == (3, 2, ())
    assert found.first.column("name").to_pylist() == ["Spatzen", "Finken", "Meisen"]
    assert (folder / "kitas.csv").read_bytes() == CSV and names(source, what) == ["Spatzen", "Finken"]
    assert opened(tmp_path).held(what, found.id).first.equals(found.first), "also after a restart"
    assert source.take(what, found.id).rows == 3
    assert names(source, what) == ["Spatzen", "Finken", "Meisen"], "at once"
    (kept,) = (tmp_path / ".nabe").rglob("versions/kitas/*-kitas.csv")
    assert kept.read_bytes() == CSV
    assert os.listdir(folder) == ["kitas.csv"]
    with pytest.raises(Unknown):
        source.take(what, found.id)


def test_only_so_many_versions_are_kept(tmp_path, folder):
    source, what = opened(tmp_path, keep_versions=2), table()
    for number in range(4):
        source.take(what, hold(source, what, CSV + b"9;Nr. %d;\n" % number).id)
    kept = sorted((tmp_path / ".nabe").rglob("*-kitas.csv"))
    assert [b"Nr. 1" in path.read_bytes() or b"Nr. 2" in path.read_bytes() for path in kept] == [True, True]
    none = opened(tmp_path, keep_versions=0)
    none.take(what, hold(none, what, CSV).id)
    assert not list((tmp_path / ".nabe").rglob("*-kitas.csv"))


@pytest.mark.parametrize(
    ("body", "flaws", "notes"),
    [
        (b"id;name\n1;a\n", ["missing"], []),
        (b"id;name;am;neu\n1;a;\n", [], ["new_column"]),
        (b"id;name;am\n", ["no_rows"], []),
        (b"", ["unreadable"], []),
        (b"id;name;am\nx;a;\ny;b;\n", ["none_fits"], []),
        (b"id;name;am\n1;a;\ny;b;32.13.2026\n3;c;2026-01-01\n", [], ["some_unfit", "some_unfit"]),
        (b"\x1f\x8b\x08\x00", ["packed"], []),
        (b"\x00\x01\x02\x03" * 100, ["unreadable"], []),
        (b'id;name;am\n1;"a;b\n' * 3, None, []),
        (b"PK\x03\x04" + b"\x00" * 100, ["unreadable"], []),
    ],
)
def test_what_does_not_fit_is_told_and_not_kept(tmp_path, folder, body, flaws, notes):
    source, what = opened(tmp_path), table()
    found = hold(source, what, body)
    if flaws is not None:
        assert kinds(found.flaws) == flaws and kinds(found.notes) == notes
    assert (folder / "kitas.csv").read_bytes() == CSV
    assert bool(list((tmp_path / ".nabe").rglob("held/*/file"))) is found.fits
    assert not list((tmp_path / ".nabe").rglob("held/*/work"))


def test_columns_that_nobody_reads_now_are_not_new(tmp_path, folder):
    (folder / "kitas.csv").write_bytes(b"id;name;am;alt\n1;a;;x\n")
    found = hold(opened(tmp_path), table(), b"id;name;am;alt;neu\n1;a;;x;y\n")
    assert [item.params["column"] for item in found.notes] == ["neu"]


def test_a_file_is_added_to_a_series_if_its_name_fits(tmp_path, folder):
    (folder / "kitas.csv").rename(folder / "kitas_2025.csv")
    source, what = opened(tmp_path), table("kitas_*.csv")
    for bad in ("neu.csv", "../kitas_2026.csv/../x.csv", "kitas_\n.csv", ".kitas_1.csv", "kitas_2026.xlsx"):
        with pytest.raises(Invalid, match="must fit"):
            hold(source, what, CSV, bad)
    found = hold(source, what, b"id;name;am\n7;Neue;\n", "kitas_2026.csv")
    assert found.fits and found.rows_before is None
    source.take(what, found.id)
    assert names(source, what) == ["Spatzen", "Finken", "Neue"]
    unlike = hold(source, what, b"id;name\n7;Neue\n", "kitas_2027.csv")
    assert kinds(unlike.flaws) == ["missing"]
    gaps = table("kitas_*.csv", missing="empty")
    found = hold(source, gaps, b"id;name\n7;Neue\n", "kitas_2027.csv")
    assert kinds(found.notes) == ["missing"] and found.fits


def test_what_changed_meanwhile_is_a_conflict(tmp_path, folder):
    source, what = opened(tmp_path), table()
    found = hold(source, what, CSV)
    (folder / "kitas.csv").write_bytes(CSV + b"4;x;\n")
    with pytest.raises(Conflict, match="Another file"):
        source.take(what, found.id)
    found = hold(source, what, CSV)
    with pytest.raises(Conflict, match="declared otherwise"):
        source.take(table(decimal=","), found.id)
    other = dataset({"path": "kitas.csv"}, FIELDS, id="andere")
    with pytest.raises(Unknown):
        source.take(other, found.id)
    source.drop(what, found.id)
    for id in (found.id, "", "../../x", "a" * 16):
        with pytest.raises(Unknown):
            source.held(what, id)


def test_of_two_at_once_one_wins_and_readers_see_one_of_both(tmp_path, folder):
    source, what = opened(tmp_path), table()
    held = [hold(source, what, b"id;name;am\n" + b"%d;n%d;\n" % (i, i) * 500) for i in range(6)]
    outcomes: list[str] = []

    def take(id: str) -> None:
        try:
            source.take(what, id)
            outcomes.append("taken")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=take, args=(item.id,)) for item in held]
    for thread in threads:
        thread.start()
    seen = [len(rows(source, what)) for _ in range(20)]
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 5 + ["taken"] and set(seen) <= {2, 500}
    assert len(rows(source, what)) == 500


def test_when_the_folder_cannot_be_written_nothing_changes(tmp_path, folder, monkeypatch):
    source, what = opened(tmp_path), table()
    found = hold(source, what, CSV + b"3;x;\n")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(receiving.os, "replace", full)
    with pytest.raises(SourceUnavailable, match="No space left"):
        source.take(what, found.id)
    assert (folder / "kitas.csv").read_bytes() == CSV and os.listdir(folder) == ["kitas.csv"]
    monkeypatch.undo()
    source.take(what, found.id)
    assert len(rows(source, what)) == 3


def test_files_over_the_limit_and_too_many_that_wait(tmp_path, folder):
    source, what = opened(tmp_path, max_mb=1), table()
    with pytest.raises(LimitExceeded):
        hold(source, what, CSV + b"1;x;\n" * 300_000)
    for _ in range(25):
        hold(source, what, CSV)
    assert len(list((tmp_path / ".nabe").rglob("held/*/file"))) <= 21


@pytest.mark.parametrize(
    ("location", "path", "why"),
    [
        ("https://example.org/daten", "x.csv", "elsewhere"),
        ("", "https://example.org/x.csv", "elsewhere"),
        ("daten", "*/x.csv", "many_folders"),
        ("daten", "x.shp", "several_files"),
        ("daten", "x.csv", ""),
    ],
)
def test_only_a_folder_takes_files(tmp_path, folder, location, path, why):
    assert opened(tmp_path, location).receives(table(path)) == why


def test_a_link_out_of_the_folder_is_not_followed(tmp_path, folder):
    (tmp_path / "geheim.csv").write_bytes(CSV)
    (folder / "kitas.csv").unlink()
    (folder / "kitas.csv").symlink_to(tmp_path / "geheim.csv")
    with pytest.raises(SourceRefused, match="leaves the folder"):
        hold(opened(tmp_path), table(), CSV + b"3;x;\n")
    assert (tmp_path / "geheim.csv").read_bytes() == CSV


def test_the_first_file_may_be_delivered(tmp_path, folder):
    (folder / "kitas.csv").unlink()
    source, what = opened(tmp_path), table()
    source.take(what, hold(source, what, CSV).id)
    assert names(source, what) == ["Spatzen", "Finken"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)), st.text(max_size=30))
def test_no_file_brings_it_down_or_changes_anything(tmp_path, body, name):
    folder = tmp_path / "daten"
    folder.mkdir(exist_ok=True)
    (folder / "kitas.csv").write_bytes(CSV)
    found = hold(opened(tmp_path), table(), body, name)
    assert found.flaws or found.rows
    assert (folder / "kitas.csv").read_bytes() == CSV


def test_a_byte_order_mark_alone_is_no_table(tmp_path, folder):
    for body in (b"\xff\xfe", b"\xef\xbb\xbf"):
        found = hold(opened(tmp_path), table(), body)
        assert kinds(found.flaws) == ["unreadable"] and "no rows" in found.flaws[0].params["why"]
