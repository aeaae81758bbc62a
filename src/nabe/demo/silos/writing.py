"""Writing files so that the same town gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from openpyxl import Workbook
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from nabe.demo.town import NOTICE

#: Time written into containers that want one.
_STAMP = (2026, 10, 1, 6, 0, 0)
_WESTERN = str.maketrans({"ı": "i", "ğ": "g", "Ğ": "G", "ş": "s", "Ş": "S", "ć": "c", "ê": "e", "İ": "I"})


def readme(folder: Path, about: str) -> None:
    """The note that lies in every silo."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "LIESMICH.txt").write_text(f"{about}\n\n{NOTICE}\n", "utf-8")


def table(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    encoding: str,
    delimiter: str,
    newline: str = "\r\n",
    above: Sequence[str] = (),
) -> None:
    """A text table in an encoding of the last decades; `above`: lines before the header."""
    buffer = io.StringIO(newline="")
    for line in above:
        buffer.write(line + newline)
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=newline)
    writer.writerow(header)
    writer.writerows(rows)
    path.write_bytes(buffer.getvalue().encode(encoding))


def western(text: str) -> str:
    """The text in letters that Windows-1252 and Latin-1 have, as old registers write names."""
    return unicodedata.normalize("NFC", text.translate(_WESTERN)).encode("latin-1", "replace").decode("latin-1")


def german(value: float, places: int = 1, *, thousands: bool = False) -> str:
    """`1234.5` as `1234,5`, or `1.234,5` with `thousands`."""
    text = f"{value:,.{places}f}" if thousands else f"{value:.{places}f}"
    return text.translate(str.maketrans(",.", ".,"))


def workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    """An Excel file without the time of its making."""
    book = Workbook(write_only=True)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    raw = io.BytesIO()
    book.save(raw)
    _without_time(raw, path)


def _without_time(raw: io.BytesIO, path: Path) -> None:
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "docProps/core.xml":
                content = (
                    b'<?xml version="1.0" encoding="UTF-8"?><cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/'
                    b'package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">'
                    b"<dc:creator>Musterstadt (synthetisch)</dc:creator></cp:coreProperties>"
                )
            new.writestr(zipfile.ZipInfo(name, _STAMP), content, zipfile.ZIP_DEFLATED)


def archive(path: Path, files: Iterable[Path]) -> None:
    """A zip file with fixed times."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for file in sorted(files, key=lambda item: item.name):
            new.writestr(zipfile.ZipInfo(file.name, _STAMP), file.read_bytes(), zipfile.ZIP_DEFLATED)


@cache
def _to_degrees() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:25832", "OGC:CRS84", always_xy=True)


def degrees(east: float, north: float) -> tuple[float, float]:
    """Longitude and latitude, to about 1 cm."""
    longitude, latitude = _to_degrees().transform(east, north)
    return round(longitude, 7), round(latitude, 7)


def in_degrees(shape: BaseGeometry) -> BaseGeometry:
    """A shape in longitude and latitude."""
    return shapely.transform(shape, lambda points: np.column_stack(_to_degrees().transform(points[:, 0], points[:, 1])))


def geojson(
    path: Path, name: str, features: Iterable[tuple[BaseGeometry, Mapping[str, Any]]], *, crs: str = ""
) -> None:
    """A FeatureCollection, one feature a line; `crs`: the old member that some programs still write."""
    places = 2 if crs else 7
    lines = [
        json.dumps(
            {"type": "Feature", "properties": dict(properties), "geometry": _rounded(mapping(shape), places)},
            ensure_ascii=False,
        )
        for shape, properties in features
    ]
    head: dict[str, Any] = {"type": "FeatureCollection", "name": name, "description": NOTICE}
    if crs:
        head["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{crs.replace(':', '::')}"}}
    opening = json.dumps(head, ensure_ascii=False)[:-1]
    path.write_text(opening + ', "features": [\n' + ",\n".join(lines) + "\n]}\n", "utf-8")


def _rounded(value: Any, places: int) -> Any:
    if isinstance(value, float):
        return round(value, places)
    if isinstance(value, list | tuple):
        return [_rounded(item, places) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item, places) for key, item in value.items()}
    return value
