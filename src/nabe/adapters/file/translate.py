"""From a cell to a value, as SQL expressions of DuckDB: German and ISO numbers and dates, gaps, yes and no. Pure.

A cell that does not fit its declared type becomes NULL (as does a cell that is empty or one of `nulls`), never an
error: one wrong cell must not take the whole table away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from nabe.adapters.file.settings import Dialect
from nabe.adapting.times import strptime_format
from nabe.model.dataset import FieldType

#: Words for yes and no in city data.
TRUE_WORDS = ("true", "ja", "wahr", "yes", "j", "y", "t", "1")
FALSE_WORDS = ("false", "nein", "falsch", "no", "n", "f", "0")

#: Blanks that are cut off around numbers and dates: space, tab, no-break spaces, line ends.
BLANKS = " \t\r\n\u00a0\u202f"

#: Text of a format that has types: taken as it stands, and filters on it reach the file's reader.
TYPED_TEXT = "TEXT"


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A quoted identifier."""
    return '"' + value.replace('"', '""') + '"'


def cell(column: str, dialect: Dialect) -> str:
    """The cell's text, or NULL where it is blank or says that there is no value."""
    if dialect.gaps:
        empty = ["", *(mark.strip(BLANKS) for mark in dialect.gaps)]
        return f"CASE WHEN {trimmed(column)} NOT IN ({_listed(empty)}) THEN {column} END"
    # Most cells begin with a visible ASCII sign, and comparing is much cheaper than a pattern.
    return (
        f"CASE WHEN {column} BETWEEN '!' AND '~' THEN {column} "
        f"WHEN regexp_matches({column}, {text(f'[^{BLANKS}]')}) THEN {column} END"
    )


def trimmed(column: str, also: str = "") -> str:
    """The text without blanks around it. Most cells have none, and looking is cheaper than cutting."""
    signs = BLANKS + also
    edge = text(f"^[{signs}]|[{signs}]$")
    return f"CASE WHEN regexp_matches({column}, {edge}) THEN trim({column}, {text(signs)}) ELSE {column} END"


def typed(column: str, native: str, kind: FieldType, dialect: Dialect, timezone: str, value: str | None = None) -> str:
    """The SQL of a value of type `kind` out of `column`, whose DuckDB type is `native`. Not for geometry.

    `value`: the SQL of the trimmed text (see `edges`), where it was computed before.
    """
    if native == TYPED_TEXT and kind is FieldType.STRING and not dialect.gaps:
        return column
    if native in ("VARCHAR", TYPED_TEXT):
        return _from_text(column, kind, dialect, timezone, value or trimmed(column, edges(kind)))
    return _from_native(column, native.upper(), kind, timezone)


def decoded(value: str, codes: Mapping[str, str]) -> str:
    """What a code stands for; one that is not in the list stays."""
    cases = " ".join(f"WHEN {text(code)} THEN {text(meaning)}" for code, meaning in codes.items())
    return f"CASE {trimmed(f'({value})')} {cases} ELSE {value} END"


def quick(column: str, kind: FieldType, dialect: Dialect, timezone: str) -> tuple[str, str] | None:
    """A test that most cells of tidy files pass, and the value of those that do; None where there is none.

    It says the same as `typed` does, without cutting blanks off and trying one form after the other.
    """
    found = _quick(column, kind, dialect, timezone)
    if found is None:
        return None
    pattern, value = found
    if any(re.fullmatch(pattern, mark.strip(BLANKS)) for mark in dialect.gaps):
        return None  # what looks like a value may say that there is none
    return f"regexp_full_match({column}, {text(pattern)})", value


def _quick(column: str, kind: FieldType, dialect: Dialect, timezone: str) -> tuple[str, str] | None:
    formats = dialect.date_formats
    match kind:
        case FieldType.NUMBER:
            plain, bare, _, _ = _numbers(column, dialect)
            return plain, f"TRY_CAST({bare} AS DOUBLE)"
        case FieldType.INTEGER:
            return "[+-]?[0-9]{1,18}", f"TRY_CAST({column} AS BIGINT)"
        case FieldType.DATE if not formats:
            return _TIDY_DAY, f"TRY_CAST({column} AS DATE)"
        case FieldType.DATE if len(formats) == 1 and (pattern := _pattern_of(strptime_format(formats[0]))):
            return pattern, f"CAST(try_strptime({column}, {text(strptime_format(formats[0]))}) AS DATE)"
        case FieldType.DATETIME if not formats:
            return f"{_TIDY_DAY}[ T]{_TIDY_TIME}", f"timezone({text(timezone)}, TRY_CAST({column} AS TIMESTAMP))"
    return None


_TIDY_DAY, _TIDY_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_PARTS = {"%d": "[0-9]{1,2}", "%m": "[0-9]{1,2}", "%Y": "[0-9]{4}"}


def _pattern_of(form: str) -> str:
    """A day of this form as a pattern; empty if it is made of anything else than day, month and full year."""
    pieces = re.split("(%.)", form)
    if sorted(pieces[1::2]) != sorted(_PARTS):
        return ""
    return "".join(_PARTS.get(piece) or re.escape(piece) for piece in pieces)


def edges(kind: FieldType) -> str:
    """What is cut off around a value beside blanks: some exports quote dates twice."""
    return "'\"" if kind in (FieldType.DATE, FieldType.DATETIME) else ""


def _from_text(column: str, kind: FieldType, dialect: Dialect, timezone: str, value: str) -> str:
    match kind:
        case FieldType.STRING:
            return cell(column, dialect)
        case FieldType.INTEGER:
            found = integer(without_footnotes(value, dialect), dialect)
        case FieldType.NUMBER:
            found = number(without_footnotes(value, dialect), dialect)
        case FieldType.BOOLEAN:
            found = boolean(value)
        case FieldType.DATE:
            found = date(value, dialect)
        case FieldType.DATETIME:
            found = moment(value, dialect, timezone)
        case _:
            raise ValueError(f"no expression for {kind}")
    if dialect.gaps:
        marks = _listed([mark.strip(BLANKS) for mark in dialect.gaps])
        return f"CASE WHEN {value} NOT IN ({marks}) THEN {found} END"
    return found


def mark(column: str, dialect: Dialect) -> str:
    """What a cell has instead of a value, or after it: a sign for a gap or for a withheld value, a footnote's mark."""
    value = trimmed(column)
    gaps = _listed([item.strip(BLANKS) for item in dialect.gaps] or [""])
    after = f"nullif(regexp_extract({value}, {text(_footnote(dialect))}, 2), '')" if dialect.footnotes else "NULL"
    return f"CASE WHEN {value} = '' THEN NULL WHEN {value} IN ({gaps}) THEN {value} ELSE {after} END"


def without_footnotes(value: str, dialect: Dialect) -> str:
    """A number without the marks after it."""
    return f"regexp_replace({value}, {text(_footnote(dialect))}, '\\1')" if dialect.footnotes else value


def _footnote(dialect: Dialect) -> str:
    marks = "|".join(re.escape(item.strip(BLANKS)) for item in dialect.footnotes or ())
    return f"([0-9])[{BLANKS}]*({marks})$"


def _whens(value: str, cases: Sequence[tuple[str, str]]) -> str:
    """The first expression whose pattern is the whole value; so that no parser is tried in vain, which is slow."""
    tests = " ".join(f"WHEN regexp_full_match({value}, {text(pattern)}) THEN {sql}" for pattern, sql in cases)
    return f"CASE {tests} END"


def _numbers(value: str, dialect: Dialect) -> tuple[str, str, str, str]:
    """Patterns of plain and grouped numbers, and how each is written for DuckDB.

    Patterns, not DuckDB's own casts, say what a number is: `1_000`, `0x1F`, `nan` and `infinity` are none here.
    """
    decimal, thousands = dialect.decimal or ".", dialect.thousands or ""
    point = re.escape(decimal)
    plain = rf"[+-]?([0-9]{{1,200}}({point}[0-9]{{0,200}})?|{point}[0-9]{{1,200}})([eE][+-]?0?[0-9]{{1,2}})?"
    bare = f"replace({value}, ',', '.')" if decimal == "," else value
    if not thousands:
        return plain, bare, "", ""
    blank = "[ \u00a0\u202f]" if thousands == " " else re.escape(thousands)
    grouped = rf"[+-]?[0-9]{{1,3}}({blank}[0-9]{{3}})+({point}[0-9]*)?"
    joined = f"regexp_replace({value}, {text(blank)}, '', 'g')"
    return plain, bare, grouped, f"replace({joined}, ',', '.')" if decimal == "," else joined


def number(value: str, dialect: Dialect) -> str:
    """A fraction."""
    plain, bare, grouped, joined = _numbers(value, dialect)
    cases = [(plain, f"TRY_CAST({bare} AS DOUBLE)")]
    if grouped:
        cases.append((grouped, f"TRY_CAST({joined} AS DOUBLE)"))
    return _whens(value, cases)


#: Whole numbers in groups: exact beyond the 15 digits of a fraction.
_GROUPS = "[+-]?[0-9]{{1,3}}({}[0-9]{{3}})+"


def integer(value: str, dialect: Dialect) -> str:
    """A whole number; `12.0` is one, `12.5` is not (DuckDB alone would round it)."""

    def whole(written: str) -> str:
        exact = f"TRY_CAST({written} AS DOUBLE)"
        return f"CASE WHEN {exact} = trunc({exact}) THEN TRY_CAST({exact} AS BIGINT) END"

    plain, bare, grouped, joined = _numbers(value, dialect)
    cases = [("[+-]?[0-9]+", f"TRY_CAST({value} AS BIGINT)"), (plain, whole(bare))]
    if grouped:
        thousands = dialect.thousands or ""
        cases.insert(
            1,
            (
                _GROUPS.format("[ \u00a0\u202f]" if thousands == " " else re.escape(thousands)),
                f"TRY_CAST({joined} AS BIGINT)",
            ),
        )
        cases.append((grouped, whole(joined)))
    return _whens(value, cases)


def boolean(value: str) -> str:
    """Yes or no."""
    word = f"lower({value})"
    return (
        f"CASE WHEN {word} IN ({_listed(TRUE_WORDS)}) THEN TRUE WHEN {word} IN ({_listed(FALSE_WORDS)}) THEN FALSE END"
    )


_ISO_DATE, _DOT_DATE, _SLASH_DATE = (
    "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}",
    r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}",
    "[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}",
)
_CLOCK, _SECONDS = "[0-9]{1,2}:[0-9]{2}", "(:[0-9]{2}([.,][0-9]+)?)?"
_OFFSET = " ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)"


def date(value: str, dialect: Dialect) -> str:
    """A day; of a moment its day as it is written."""
    formats = dialect.date_formats
    if formats and formats[0].startswith("unix"):
        return f"CAST({_unix(value, formats[0])} AS DATE)"
    if formats:
        return f"CAST({_strptime(value, formats)} AS DATE)"
    day = f"TRY_CAST(regexp_extract({value}, '^{_ISO_DATE}') AS DATE)"
    cases = [
        (_ISO_DATE, f"TRY_CAST({value} AS DATE)"),
        (_DOT_DATE, f"CAST(try_strptime({value}, '%d.%m.%Y') AS DATE)"),
        (_SLASH_DATE, f"CAST(try_strptime({value}, '%Y/%m/%d') AS DATE)"),
        ("[12][0-9]{7}", f"CAST(try_strptime({value}, '%Y%m%d') AS DATE)"),
        (f"{_ISO_DATE}[ Tt]{_CLOCK}{_SECONDS}({_OFFSET})?", day),
        (f"{_DOT_DATE},? {_CLOCK}{_SECONDS}", f"CAST({_german_time(value)} AS DATE)"),
    ]
    return _whens(value, cases)


def moment(value: str, dialect: Dialect, timezone: str) -> str:
    """A moment in UTC. A time without offset is one of `timezone`; 24:00 is the next day's 0:00."""
    formats = dialect.date_formats
    if formats and formats[0].startswith("unix"):
        return _unix(value, formats[0])
    zone = text(timezone)
    if formats:
        return f"timezone({zone}, {_midnight(value, lambda given: _strptime(given, formats))})"
    local = f"timezone({zone}, {{}})"
    cases = [
        (f"{_ISO_DATE}[ Tt]{_CLOCK}{_SECONDS}{_OFFSET}", f"TRY_CAST({_with_seconds(value)} AS TIMESTAMPTZ)"),
        (
            f"{_ISO_DATE}([ Tt]{_CLOCK}{_SECONDS})?",
            local.format(_midnight(value, lambda given: f"TRY_CAST(replace({given}, ',', '.') AS TIMESTAMP)")),
        ),
        (f"{_DOT_DATE},? {_CLOCK}{_SECONDS}", local.format(_midnight(value, _german_time))),
        (_DOT_DATE, local.format(f"try_strptime({value}, '%d.%m.%Y')")),
        (
            f"{_SLASH_DATE}( {_CLOCK}{_SECONDS})?",
            local.format(f"TRY_CAST(replace(replace({value}, '/', '-'), ',', '.') AS TIMESTAMP)"),
        ),
        ("[12][0-9]{11}", local.format(f"try_strptime({value}, '%Y%m%d%H%M')")),
        ("[12][0-9]{13}", local.format(f"try_strptime({value}, '%Y%m%d%H%M%S')")),
    ]
    return _whens(value, cases)


def _german_time(value: str) -> str:
    """`24.11.2026, 8:15` turned into `2026-11-24 08:15:00`."""
    turned = (
        f"regexp_replace({value}, '^([0-9]{{1,2}})\\.([0-9]{{1,2}})\\.([0-9]{{4}}),? ([0-9]{{1,2}}:[0-9]{{2}})"
        "(:[0-9]{2})?', '\\3-\\2-\\1 \\4\\5')"
    )
    return f"TRY_CAST(replace({_two_digits(turned)}, ',', '.') AS TIMESTAMP)"


def _two_digits(value: str) -> str:
    """`2026-1-4 8:15` is `2026-01-04 08:15`."""
    return f"regexp_replace({value}, '(^|[^0-9])([0-9])([^0-9]|$)', '\\10\\2\\3', 'g')"


def _with_seconds(value: str) -> str:
    """DuckDB wants seconds, a point before their fraction, and no blank before the offset."""
    full = f"regexp_replace({value}, '([ Tt][0-9]{{2}}:[0-9]{{2}}) ?([Zz]|[+-])', '\\1:00\\2')"
    return f"replace(replace(replace({full}, ',', '.'), ' +', '+'), ' -', '-')"


def _midnight(value: str, parse: Callable[[str], str]) -> str:
    """24:00 of a day is 0:00 of the next."""
    late = f"regexp_matches({value}, '[ Tt]24:00(:00)?$')"
    early = f"regexp_replace({value}, '24:00(:00)?$', '00:00')"
    return f"CASE WHEN {late} THEN {parse(early)} + INTERVAL 1 DAY ELSE {parse(value)} END"


def _strptime(value: str, formats: Sequence[str]) -> str:
    """By declared formats. `24.11.26` read with four digits would be the year 26: a year needs its four digits."""
    given = [strptime_format(item) for item in formats]
    parsed = f"try_strptime({value}, [{_listed(given)}])"
    if all("%Y" in item for item in given):
        return f"CASE WHEN regexp_matches({value}, '[0-9]{{4}}') THEN {parsed} END"
    return parsed


def _unix(value: str, unit: str) -> str:
    count = f"TRY_CAST({value} AS DOUBLE)"
    seconds = f"{count} / 1000" if unit == "unix_ms" else count
    return f"CASE WHEN abs({seconds}) < 253402300800 THEN to_timestamp({seconds}) END"


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
