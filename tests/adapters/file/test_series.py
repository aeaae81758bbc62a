"""One table out of many files: of a folder or an archive, with columns that come, go and change their names."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nabe.adapters.file import FileAdapter
from nabe.errors import SourceRefused
from nabe.model.dataset import Field, FieldType
from nabe.ports.source import Table
from nabe.testing.needs import need
from nabe.testing.sealing import seal

from .support import DATA, dataset, open_source, probe, system

YEARS = {
    "kitas_2022.csv": "Ort;Plaetze\nMitte;40\nNord;22\n",
    "kitas_2023.csv": "Ort;Plätze;Träger\nMitte;44;Stadt\n",
    "kitas_2024.csv": "Träger;Ort;Plätze\nVerein;Nord;25\n",
}
NAMES = {"renames": {"Plaetze": "Plätze"}, "name_pattern": "kitas_{jahr}.csv"}


def look(root: Path, source: str, **settings: Any) -> tuple[Table, list[dict[str, Any]]]:
    looking = probe(root, source)
    name = looking.discover()[0]
    looking._tables[name] |= settings
    described = looking.describe(name)
    batches = looking.sample(described)
    return described, pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()


@pytest.fixture(params=["folder", "archive"])
def series(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """Path and settings of the same files, in a folder and in a zip archive."""
    if request.param == "folder":
        for name, text in YEARS.items():
            (tmp_path / name).write_text(text, "utf-8")
        return str(tmp_path / "kitas_*.csv"), {}
    with zipfile.ZipFile(tmp_path / "kitas.zip", "w") as archive:
        for name, text in YEARS.items():
            archive.writestr(f"jahre/{name}", text)
        archive.writestr("liesmich.txt", "kein Teil der Reihe")
    return str(tmp_path / "kitas.zip"), {"member": "jahre/kitas_*.csv"}


def test_years_with_other_columns_are_one_table_by_the_names_of_columns(tmp_path, series):
    path, settings = series
    table, rows = look(tmp_path, path, **settings, **NAMES)
    assert [(row["jahr"], row["Ort"], row["Plätze"], row["Träger"]) for row in rows] == [
        (2022, "Mitte", 40, None),
        (2022, "Nord", 22, None),
        (2023, "Mitte", 44, "Stadt"),
        (2024, "Nord", 25, "Verein"),
    ]
    assert table.source["missing"] == "empty"


def test_each_difference_is_told_with_the_files(tmp_path, series):
    path, settings = series
    table, _ = look(tmp_path, path, **settings)
    said = " ".join(table.notes)
    assert "Column 'Plaetze' is in 1 of 3 files (in kitas_2022.csv, not in kitas_2023.csv)" in said
    assert "Column 'Träger' is in 2 of 3 files" in said and "renames" in said


def test_a_declared_series_refuses_a_column_that_a_file_lacks_unless_told_otherwise(tmp_path):
    for name, text in YEARS.items():
        (tmp_path / name).write_text(text, "utf-8")
    fields = (Field("ort", FieldType.STRING, column="Ort"), Field("traeger", FieldType.STRING, column="Träger"))
    source = open_source(tmp_path, str(tmp_path))
    base = {"path": "kitas_*.csv", "delimiter": ";"}
    with pytest.raises(SourceRefused, match="no column 'Träger'"):
        source.read(seal(dataset(base, fields)))
    found = source.read(seal(dataset({**base, "missing": "empty"}, fields, id="anders")))
    rows = [tuple(row.values()) for batch in found.batches for row in batch.to_pylist()]
    assert rows == [("Mitte", None), ("Nord", None), ("Mitte", "Stadt"), ("Nord", "Verein")]


def test_a_column_that_no_file_has_is_refused_even_then(tmp_path):
    (tmp_path / "kitas_2022.csv").write_text(YEARS["kitas_2022.csv"])
    data = dataset({"path": "kitas_*.csv", "missing": "empty"}, (Field("x", FieldType.STRING, column="Hausnummer"),))
    with pytest.raises(SourceRefused, match="no column 'Hausnummer'"):
        open_source(tmp_path, str(tmp_path)).read(seal(data))


def test_a_path_that_does_not_fit_the_pattern_is_refused_by_name(tmp_path):
    (tmp_path / "kitas_2022.csv").write_text(YEARS["kitas_2022.csv"])
    with pytest.raises(SourceRefused, match=r"kitas_2022.csv' does not fit name_pattern") as caught:
        look(tmp_path, str(tmp_path / "kitas_*.csv"), name_pattern="schulen_{jahr}.csv")
    assert "name_pattern" in caught.value.hint


@pytest.mark.parametrize("pattern", ["kitas.csv", "{jahr}/{jahr}.csv", "{2}.csv", "{jahr"])
def test_a_pattern_that_names_nothing_is_told(pattern):
    data = dataset({"path": "*.csv", "name_pattern": pattern}, (Field("a", FieldType.STRING),))
    assert "name_pattern" in FileAdapter().check_dataset(system("."), data)[0]


def test_a_pattern_that_no_file_of_the_archive_fits_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a;b\n1;2\n")
    with pytest.raises(SourceRefused, match=r"holds no 'x/.*csv'"):
        look(tmp_path, str(tmp_path / "a.zip"), member="x/*.csv")


def test_an_archive_in_an_archive_is_refused(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "a;b\n1;2\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.zip", inner.getvalue())
    data = dataset({"path": "a.zip", "member": "b.zip"}, (Field("a", FieldType.STRING),))
    with pytest.raises(SourceRefused, match="archive inside an archive"):
        open_source(tmp_path, str(tmp_path)).read(seal(data))


def test_many_members_that_unpack_to_a_bomb_are_refused_before_the_first(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            archive.writestr(f"{number}.csv", "0" * 4_000_000)
    with pytest.raises(SourceRefused, match="zip bomb"):
        look(tmp_path, str(tmp_path / "a.zip"), member="*.csv")
    assert not list((tmp_path / ".nabe").rglob("*.csv"))


def test_intensive_care_files_of_six_days_are_one_table(tmp_path):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    path = str(DATA / "leipzig/divi_taegliche_rohdateien/*.csv")
    settings = {"renames": {"kreis": "gemeindeschluessel"}, "name_pattern": "{tag}.csv"}
    table, rows = look(tmp_path, path, **settings)
    assert len(rows) == table.rows == 2362 and all(row["gemeindeschluessel"] for row in rows)
    leipzig = {row["tag"]: row["betten_frei"] for row in rows if row["gemeindeschluessel"] == "14713"}
    assert len(leipzig) == 6 and all(value is not None for value in leipzig.values())


def test_warnings_of_an_archive_are_one_table_with_what_stands_around_them(tmp_path):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    path = str(DATA / "wetter/dwd_cap_warnungen_2023-06-23.zip")
    _, rows = look(tmp_path, path, member="*.xml", rows_path="alert/info", around=["identifier", "sent", "msgType"])
    assert len(rows) == 24 and len({row["identifier"] for row in rows}) == 3
    assert sorted({row["msgType"] for row in rows}) == ["Alert", "Update"]
