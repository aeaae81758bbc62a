"""Settings of the file adapter: of a system (where files lie) and of a dataset (which file, how to read it)."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from nabe.adapters.file.location import Location, is_remote, is_url, located
from nabe.adapting.settings import Encoding, ReferenceSystem, Settings, Texts, TimeZone

Format = Literal[
    "csv", "tsv", "xlsx", "xls", "ods", "json", "ndjson", "geojson", "esrijson", "xml", "parquet", "gpkg", "shp", "fgb"
]

_BY_SUFFIX: dict[str, Format] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xls",
    ".ods": "ods",
    ".json": "json",
    ".jsonld": "json",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
    ".geojson": "geojson",
    ".xml": "xml",
    ".gml": "xml",
    ".kml": "xml",
    ".kmz": "xml",
    ".parquet": "parquet",
    ".geoparquet": "parquet",
    ".pq": "parquet",
    ".gpkg": "gpkg",
    ".shp": "shp",
    ".fgb": "fgb",
}
#: Endings of packed files; what is inside is told by the name before the ending or by the archive's own list.
PACKED = (".gz", ".zip")


def format_of(name: str) -> Format | None:
    """The format that a file name (or URL path) tells, or None: `kitas.csv.gz` -> `csv`."""
    path = PurePosixPath(name.lower())
    while path.suffix in PACKED:
        path = path.with_suffix("")
    if name.lower().endswith(".arcgis.json"):
        return "esrijson"
    return _BY_SUFFIX.get(path.suffix)


class SystemSettings(Settings):
    """Connection of a system whose silo is files. Secrets only as ${ENV} or file: references."""

    location: str = Field(
        default="",
        description="Folder (relative to the workspace, or absolute), or where files lie elsewhere: https://…, "
        "webdavs://…, sftp://host/folder, s3://bucket/prefix, imaps://host/INBOX, maildir:folder",
    )
    path: str = Field(default="", description="The file or pattern, for a system that is just that")
    protocol: Literal["", "webdav"] = Field(default="", description="webdav: an https:// location is a WebDAV folder")
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="HTTP headers sent to the location's host; secrets as ${ENV} or file: references",
    )
    params: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Query parameters for the location's host; secrets as references"
    )
    refresh_s: float = Field(default=300.0, ge=0, description="Seconds until files from elsewhere are asked for anew")
    max_mb: int = Field(
        default=4096, gt=0, description="Largest file, downloaded (all of a pattern together) or unpacked, in MB"
    )
    user: str = Field(default="", description="SFTP, WebDAV, mailbox: the account")
    password: str = Field(default="", description="SFTP, WebDAV, mailbox: its password", repr=False)
    token: str = Field(default="", description="WebDAV: a bearer token; S3: a session token", repr=False)
    private_key: str = Field(default="", description="SFTP: a key of OpenSSH; file:keys/id_ed25519", repr=False)
    passphrase: str = Field(default="", description="SFTP: of the private key", repr=False)
    host_key: Texts = Field(default=(), description="SFTP: fingerprints of the server's key, SHA256:…")
    known_hosts: str = Field(default="", description="SFTP: a file as OpenSSH keeps it; file:known_hosts")
    endpoint: str = Field(default="", description="S3: address of the storage; that of AWS if not set")
    region: str = Field(default="us-east-1", pattern=r"^[A-Za-z0-9-]{1,60}$", description="S3: region to sign for")
    access_key: str = Field(default="", description="S3: id of the key", repr=False)
    secret_key: str = Field(default="", description="S3: the key itself", repr=False)
    senders: Texts = Field(default=(), description="Mailbox: addresses or domains whose mails count")
    subject: str = Field(default="", description="Mailbox: regular expression that the subject must fit")
    after: Literal["keep", "seen", "move"] = Field(
        default="keep", description="Mailbox: what happens to mails whose attachments were taken up"
    )
    move_to: str = Field(default="", max_length=200, description="Mailbox: the folder for after: move")
    keep_versions: int = Field(default=5, ge=0, le=1000, description="Deliveries: older files that are kept")

    @property
    def at(self) -> Location | None:
        """Where the files lie elsewhere; None for a folder of this machine."""
        return located(self.location, self.protocol) if is_remote(self.location) else None

    @property
    def origin(self) -> str:
        """What decides which files one sees, without secrets."""
        return repr(
            (self.location, self.protocol, self.endpoint, self.user, self.access_key, self.senders, self.subject)
        )

    @property
    def is_url(self) -> bool:
        """Are paths addresses of the web?"""
        return is_url(self.location) and not self.protocol

    @model_validator(mode="after")
    def _params_have_a_host(self) -> SystemSettings:
        if self.params and not self.is_url:
            raise ValueError("params need a location that is a web address: they are sent to its host only")
        return self

    @field_validator("location")
    @classmethod
    def _scheme(cls, value: str) -> str:
        if "://" in value and not is_remote(value):
            raise ValueError("a folder, or https, webdavs, sftp, s3, imaps:// or maildir:")
        if is_remote(value):
            located(value, "")
        return value

    @field_validator("host_key")
    @classmethod
    def _fingerprints(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}=?", item) for item in value):
            raise ValueError("fingerprints look like SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8")
        return value

    @field_validator("subject")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error:
            raise ValueError("not a regular expression") from None
        return value

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^/?#@\s]+/?", value):
            raise ValueError("an address without a path; for example https://s3.example.org")
        return value

    @model_validator(mode="after")
    def _complete(self) -> SystemSettings:
        at = self.at
        kind = at.kind if at is not None else ""
        if kind in ("imaps", "maildir") and not self.senders:
            raise ValueError("senders: whose mails count? Addresses or domains")
        if kind == "sftp" and at is not None and not (self.user or at.user):
            raise ValueError("user: as whom to log in?")
        if self.after == "move" and not re.fullmatch(r"[^\x00-\x1f/.\\][^\x00-\x1f/\\]*", self.move_to):
            raise ValueError("move_to: the name of a folder of the mailbox")
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError("access_key and secret_key belong together")
        return self


class Dialect(Settings):
    """How numbers, dates and gaps are written: of a file, or of single columns that differ from it."""

    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign; a point if not set")
    thousands: Literal[".", ",", " ", "'", ""] | None = Field(
        default=None, description="Sign between groups of thousands"
    )
    date_format: str | tuple[str, ...] | None = Field(
        default=None,
        description="DD.MM.YYYY HH:mm or %d.%m.%Y %H:%M, several if needed; unix, unix_ms; ISO and German if not set",
    )
    nulls: Texts | None = Field(default=None, description="Texts that mean: no value")
    suppressed: Texts | None = Field(
        default=None,
        description="Texts that mean: there is a value, but it is withheld; told by the column 'NAME (mark)'",
    )
    footnotes: Texts | None = Field(
        default=None, description="Marks after a number that are cut off; told by the column 'NAME (mark)'"
    )

    @property
    def gaps(self) -> tuple[str, ...]:
        """All texts that are read as no value."""
        return (*(self.nulls or ()), *(self.suppressed or ()))

    @property
    def date_formats(self) -> tuple[str, ...]:
        if self.date_format is None:
            return ()
        return (self.date_format,) if isinstance(self.date_format, str) else self.date_format

    @model_validator(mode="after")
    def _signs_differ(self) -> Dialect:
        if self.thousands and self.thousands == (self.decimal or "."):
            raise ValueError("decimal and thousands are the same sign; say decimal: ',' for German numbers")
        return self


class ColumnSettings(Dialect):
    """How one column is written, and what its values stand for."""

    codes: dict[str, str] = Field(
        default_factory=dict,
        description="What codes stand for, read instead of them; others stay as they are. The code itself is the column "
        "'NAME (code)'",
    )
    join: str | None = Field(default=None, description="XML: text between elements that repeat; a JSON list if not set")

    @field_validator("codes", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if isinstance(value, dict):  # YAML reads 1000 as a number
            return {str(code): meaning for code, meaning in value.items()}
        return value


class TableSettings(Dialect):
    """A dataset's `source`: which file, and how to read it. What is not set is told by the file itself."""

    path: str = Field(default="", description="File or pattern below the location, or http(s) address")
    params: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Query parameters of a web address"
    )
    pick: Literal["all", "newest"] | None = Field(
        default=None,
        description="Of the files that a pattern stands for: all as one table, or the newest; newest in a mailbox, else all",
    )
    format: Format | None = Field(default=None, description="If the file name does not tell")
    member: str = Field(
        default="",
        description="The file inside a zip archive, if it holds several; *.csv: all that match, as one table",
    )
    missing: Literal["refuse", "empty"] = Field(
        default="refuse",
        description="A column that some files of a pattern lack: refuse to read it, or leave it empty there",
    )
    renames: dict[str, str] = Field(
        default_factory=dict, description="Columns that have another name in some files: old name to new name"
    )
    name_pattern: str = Field(
        default="", description="Columns out of the file's path: {station}/{pollutant}/*.json, parkhaus_{day}.csv"
    )
    encoding: Encoding = Field(default="", description="utf-8, cp1252, latin-1 ...; found out if not set")
    delimiter: Literal[";", ",", "\t", "|", ""] = Field(
        default="", description="Sign between cells; found out if not set"
    )
    header_row: int | None = Field(
        default=None, ge=0, description="Row with the names, counted from 1; 0: there is none"
    )
    header_rows: int = Field(
        default=1, ge=1, le=9, description="Rows of the header, from header_row on; their texts are joined by ' | '"
    )
    data_row: int | None = Field(
        default=None, ge=1, description="Row with the first data, if it is not right below the header"
    )
    until: str = Field(
        default="", description="Reading ends before the row whose first filled cell begins so (footnotes)"
    )
    drop_rows: Texts = Field(
        default=(), description="Rows left out: those whose first filled cell is one of these texts (totals)"
    )
    range: str = Field(
        default="", description="Part of a sheet that is the table: A3:H40, A3:H (to the end); of a text file: 3:40"
    )
    ragged: Literal["refuse", "pad"] = Field(
        default="refuse", description="Rows with too many cells: refuse, or keep the extra ones as columns"
    )
    sheet: str = Field(default="", description="Sheet of a workbook; the first if not set")
    layer: str = Field(default="", description="Layer of a geodata file; the first if not set")
    rows_path: str = Field(
        default="",
        description="Where the records are: data.items in JSON (* for every key of an object), the elements "
        "situation/situationRecord in XML (the end of the way is enough)",
    )
    around: Texts = Field(
        default=(), description="XML: elements or attributes outside a record that are told with it: publicationTime"
    )
    explode: str = Field(
        default="",
        description="XML: elements that repeat in a record, each of which is a row with all else of the record: area, "
        "Knoten/Punkt; numbered in column _number",
    )
    crs: ReferenceSystem = Field(
        default="", description="Coordinate reference system, if the file does not say: EPSG:25832"
    )
    x: str = Field(default="", description="Column with the easting or longitude")
    y: str = Field(default="", description="Column with the northing or latitude")
    wkt: str = Field(default="", description="Column with the geometry as WKT or hexadecimal WKB")
    timezone: TimeZone = Field(default="Europe/Berlin", description="Zone of times without one")
    file_column: bool = Field(default=False, description="Offer the file's name as column _file")
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="Columns that are written differently")

    @field_validator("name_pattern")
    @classmethod
    def _name_pattern(cls, value: str) -> str:
        if value and path_pattern(value) is None:
            raise ValueError("needs names in braces, each once: {station}/{year}.csv")
        return value

    @field_validator("range")
    @classmethod
    def _range(cls, value: str) -> str:
        if value and cut(value) is None:
            raise ValueError("not a range; for example A3:H40, A3:H or 3:40")
        return value.upper()

    @model_validator(mode="after")
    def _data_below_header(self) -> TableSettings:
        if self.data_row and self.header_row is None:
            raise ValueError("data_row needs header_row, too (0 if there are no names)")
        if self.data_row and self.header_row and self.data_row < self.header_row + self.header_rows:
            raise ValueError("data_row lies above the end of the header")
        return self

    @model_validator(mode="after")
    def _both_coordinates(self) -> TableSettings:
        if bool(self.x) != bool(self.y):
            raise ValueError("x and y belong together")
        return self

    def dialect(self, column: str) -> Dialect:
        """How this column is written: the file's dialect, where the column does not say otherwise."""
        own = self.columns.get(column)
        if own is None:
            return self
        names = tuple(Dialect.model_fields)
        chosen = {name: getattr(self if getattr(own, name) is None else own, name) for name in names}
        return Dialect.model_construct(**chosen)


@lru_cache(maxsize=256)
def path_pattern(given: str) -> re.Pattern[str] | None:
    """`{station}/{year}_*.csv` as a pattern for the end of a path; None if it names nothing, or something twice."""
    parts = re.split(r"\{([A-Za-z_]\w*)\}", given)
    names = parts[1::2]
    if not names or len(set(names)) < len(names) or any("{" in item or "}" in item for item in parts[::2]):
        return None
    found = re.escape(parts[0])
    for name, after in zip(names, parts[2::2], strict=True):
        found += f"(?P<{name}>[^/]+?)" + re.escape(after)
    return re.compile("(?:^|.*/)" + found.replace(r"\*", "[^/]*"))


def cut(given: str) -> tuple[int, int | None, int, int | None] | None:
    """A range as first and last row, first and last column from 0 (None: to the end); None if it is none."""
    found = re.fullmatch(r"([A-Z]{0,3})([1-9]\d{0,6}):([A-Z]{0,3})([1-9]\d{0,6})?", given.upper())
    if found is None or bool(found[1]) != bool(found[3]):
        return None
    first, last = int(found[2]) - 1, int(found[4]) - 1 if found[4] else None
    left, right = _column(found[1]), _column(found[3]) if found[3] else None
    return (
        None
        if (last is not None and last < first) or (right is not None and right < left)
        else (first, last, left, right)
    )


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return max(number - 1, 0)


__all__ = ["Dialect", "Format", "SystemSettings", "TableSettings", "cut", "format_of", "is_url", "path_pattern"]
