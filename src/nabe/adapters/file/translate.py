"""From a cell to a value, as SQL expressions of DuckDB: German and ISO numbers and dates, gaps, yes and no. Pure.

A cell that does not fit its declared type becomes NULL (as does a cell that is empty or one of `nulls`), never an
error: one wrong cell must not take the whole table away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nabe.adapters.file.settings import Dialect
from nabe.model.dataset import FieldType

#: Words for yes and no in city data.
TRUE_WORDS = ("true", "ja", "wahr", "yes", "j", "y", "t", "1")
FALSE_WORDS = ("false", "nein", "falsch", "no", "n", "f", "0")

#: Blanks that are cut off around numbers and dates: space, tab, no-break spaces, line ends.
BLANKS = " \t\r\n\u00a0\u202f"

#: Text of a format that has types: taken as it stands, and filters on it reach the file's reader.
TYPED_TEXT = "TEXT"

DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d")
TIME_FORMATS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y, %H:%M",
    "%d.%m.%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M",
)
_TOKENS = (
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("HH", "%H"),
    ("hh", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
)


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A quoted identifier."""
    return '"' + value.replace('"', '""') + '"'


def strptime_format(given: str) -> str:
    """`DD.MM.YYYY HH:mm` -> `%d.%m.%Y %H:%M`; what has per cent signs stays."""
    if "%" in given:
        return given
    for token, code in _TOKENS:
        given = given.replace(token, code)
    return given


def cell(column: str, dialect: Dialect) -> str:
    """The cell's text, or NULL where it is empty or says that there is no value."""
    empty = ["", *(mark.strip(BLANKS) for mark in dialect.nulls or ())]
    return f"CASE WHEN {trimmed(column)} NOT IN ({_listed(empty)}) THEN {column} END"


def trimmed(column: str, also: str = "") -> str:
    """The text without blanks around it."""
    return f"trim({column}, {text(BLANKS + also)})"


def typed(column: str, native: str, kind: FieldType, dialect: Dialect, timezone: str) -> str:
    """The SQL of a value of type `kind` out of `column`, whose DuckDB type is `native`. Not for geometry."""
    if native == TYPED_TEXT and kind is FieldType.STRING and not dialect.nulls:
        return column
    if native in ("VARCHAR", TYPED_TEXT):
        return _from_text(column, kind, dialect, timezone)
    return _from_native(column, native.upper(), kind, timezone)


def _from_text(column: str, kind: FieldType, dialect: Dialect, timezone: str) -> str:
    if kind is FieldType.STRING:
        return cell(column, dialect)
    value = trimmed(column)
    if dialect.nulls:
        value = f"CASE WHEN {value} NOT IN ({_listed(dialect.nulls)}) THEN {value} END"
    match kind:
        case FieldType.INTEGER:
            return integer(value, dialect)
        case FieldType.NUMBER:
            return number(value, dialect)
        case FieldType.BOOLEAN:
            return boolean(value)
        case FieldType.DATE:
            return date(column, dialect)
        case FieldType.DATETIME:
            return moment(column, dialect, timezone)
    raise ValueError(f"no expression for {kind}")


def plain_number(value: str, dialect: Dialect) -> str:
    """The number as DuckDB writes it, or NULL where groups of thousands or signs are not as declared."""
    decimal, thousands = dialect.decimal or ".", dialect.thousands or ""
    if thousands:
        group, point = re.escape(thousands), re.escape(decimal)
        blank = "[ \u00a0\u202f]" if thousands == " " else group
        grouped = rf"[+-]?\d{{1,3}}({blank}\d{{3}})+({point}\d*)?"
        ungrouped = rf"[+-]?(\d+({point}\d*)?|{point}\d+)([eE][+-]?\d+)?"
        bare = (
            f"regexp_replace({value}, {text(blank)}, '', 'g')"
            if thousands == " "
            else f"replace({value}, {text(thousands)}, '')"
        )
        is_number = f"regexp_full_match({value}, {text(f'{grouped}|{ungrouped}')})"
    else:
        bare = value
        # `_`, hexadecimal digits and words such as `nan` are no numbers here, though DuckDB reads them.
        signs = "0123456789+-eE" + decimal
        is_number = f"translate({value}, {text(signs)}, '') = ''"
    if decimal == ",":
        bare = f"replace({bare}, ',', '.')"
    return f"CASE WHEN {is_number} THEN {bare} END"


def number(value: str, dialect: Dialect) -> str:
    """A fraction; infinite values are no values."""
    plain = f"TRY_CAST({plain_number(value, dialect)} AS DOUBLE)"
    return f"CASE WHEN isfinite({plain}) THEN {plain} END"


def integer(value: str, dialect: Dialect) -> str:
    """A whole number; `12.0` is one, `12.5` is not (DuckDB alone would round it)."""
    plain = plain_number(value, dialect)
    whole, exact = f"TRY_CAST({plain} AS BIGINT)", f"TRY_CAST({plain} AS DOUBLE)"
    return f"CASE WHEN {whole} = {exact} THEN {whole} END"


def boolean(value: str) -> str:
    """Yes or no."""
    word = f"lower({value})"
    return (
        f"CASE WHEN {word} IN ({_listed(TRUE_WORDS)}) THEN TRUE WHEN {word} IN ({_listed(FALSE_WORDS)}) THEN FALSE END"
    )


def date(column: str, dialect: Dialect) -> str:
    """A day; of a moment its day."""
    value = trimmed(column, "'\"")
    formats = dialect.date_formats
    if formats and formats[0].startswith("unix"):
        return f"CAST({_unix(value, formats[0])} AS DATE)"
    if formats:
        parsed = f"try_strptime({value}, [{_listed([strptime_format(item) for item in formats])}])"
    else:
        parsed = (
            f"coalesce(try_strptime({value}, [{_listed(DATE_FORMATS)}]), "
            f"CASE WHEN length({value}) > 10 THEN {_iso(value)} END, "
            f"CASE WHEN length({value}) > 10 THEN try_strptime({value}, [{_listed(TIME_FORMATS)}]) END)"
        )
    return f"CAST({_in_range(parsed)} AS DATE)"


def moment(column: str, dialect: Dialect, timezone: str) -> str:
    """A moment in UTC. A time without offset is one of `timezone`; 24:00 is the next day's 0:00."""
    value = trimmed(column, "'\"")
    formats = dialect.date_formats
    if formats and formats[0].startswith("unix"):
        return _unix(value, formats[0])
    zone = text(timezone)
    if formats:
        local = _parsed_local(value, f"try_strptime({{}}, [{_listed([strptime_format(item) for item in formats])}])")
        return f"timezone({zone}, {_in_range(local)})"
    local = _parsed_local(value, f"coalesce({_iso('{}')}, try_strptime({{}}, [{_listed(TIME_FORMATS)}]))")
    with_offset = f"regexp_matches({value}, {text(_OFFSET)})"
    absolute = (
        f"CASE WHEN regexp_matches({value}, '^[0-9]{{4}}-') THEN TRY_CAST({_with_seconds(value)} AS TIMESTAMPTZ) END"
    )
    return f"CASE WHEN {with_offset} THEN {absolute} ELSE timezone({zone}, {_in_range(local)}) END"


_OFFSET = r"[0-9]:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)? ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"


def _with_seconds(value: str) -> str:
    """DuckDB wants seconds, a point before their fraction, and no blank before the offset."""
    full = f"regexp_replace({value}, '([ Tt][0-9]{{2}}:[0-9]{{2}}) ?([Zz]|[+-])', '\\1:00\\2')"
    return f"replace(replace(replace({full}, ',', '.'), ' +', '+'), ' -', '-')"


def _parsed_local(value: str, parse: str) -> str:
    midnight = f"regexp_replace({value}, '([ T])24:00(:00)?$', '\\1' || '00:00\\2')"
    late = f"regexp_matches({value}, '[ T]24:00(:00)?$')"
    return (
        f"CASE WHEN {late} THEN {parse.replace('{}', midnight)} + INTERVAL 1 DAY ELSE {parse.replace('{}', value)} END"
    )


def _iso(value: str) -> str:
    """An ISO time; words that DuckDB reads as times (`epoch`, `infinity`) are none."""
    return f"CASE WHEN regexp_matches({value}, '^[0-9]{{4}}-[0-9]') THEN TRY_CAST({value} AS TIMESTAMP) END"


def _unix(value: str, unit: str) -> str:
    count = f"TRY_CAST({value} AS DOUBLE)"
    seconds = f"{count} / 1000" if unit == "unix_ms" else count
    return f"CASE WHEN abs({seconds}) < 253402300800 THEN to_timestamp({seconds}) END"


def _in_range(parsed: str) -> str:
    """`24.11.26` read with four digits would be the year 26."""
    return f"CASE WHEN year({parsed}) BETWEEN 1000 AND 9999 THEN {parsed} END"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(text(value) for value in values)


_INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
_LOCAL_TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATETIME")


def _from_native(column: str, native: str, kind: FieldType, timezone: str) -> str:
    """From a column that already has a type."""
    fraction = native in ("DOUBLE", "FLOAT", "REAL") or native.startswith("DECIMAL")
    match kind:
        case FieldType.STRING if fraction:
            whole = f"{column} = trunc({column}) AND abs({column}) < 1e18"
            return (
                f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
            )
        case FieldType.STRING:
            return f"CAST({column} AS VARCHAR)"
        case FieldType.INTEGER if fraction:
            return f"CASE WHEN {column} = trunc({column}) THEN TRY_CAST({column} AS BIGINT) END"
        case FieldType.INTEGER:
            return column if native == "BIGINT" else f"TRY_CAST({column} AS BIGINT)"
        case FieldType.NUMBER if native == "DOUBLE":
            return f"CASE WHEN isfinite({column}) THEN {column} END"
        case FieldType.NUMBER:
            return f"TRY_CAST({column} AS DOUBLE)"
        case FieldType.BOOLEAN if native in _INTEGERS or fraction:
            return f"CASE WHEN {column} IN (0, 1) THEN {column} = 1 END"
        case FieldType.BOOLEAN:
            return column if native == "BOOLEAN" else f"TRY_CAST({column} AS BOOLEAN)"
        case FieldType.DATE if native == "TIMESTAMP WITH TIME ZONE":
            return f"CAST(timezone({text(timezone)}, {column}) AS DATE)"
        case FieldType.DATE:
            return column if native == "DATE" else f"TRY_CAST({column} AS DATE)"
        case FieldType.DATETIME if native == "TIMESTAMP WITH TIME ZONE":
            return column
        case FieldType.DATETIME if native in _LOCAL_TIMES or native == "DATE":
            return f"timezone({text(timezone)}, CAST({column} AS TIMESTAMP))"
        case FieldType.DATETIME:
            return f"TRY_CAST(CAST({column} AS VARCHAR) AS TIMESTAMPTZ)"
    raise ValueError(f"no expression for {kind}")
