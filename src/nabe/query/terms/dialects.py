"""How each engine writes what terms need. Wherever an engine's own function would raise an error or mean something else, it is fenced here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nabe.errors import Invalid
from nabe.query.terms.plain import DAY, MOMENT, datetime_of

Keys = Sequence[str | int]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Dialect:
    """An engine. `functions`: by name in `nabe.query.terms.functions`, a template with the arguments `{0}`, `{1}` …"""

    name: str
    functions: Mapping[str, str]
    double: str
    true: str = "TRUE"
    false: str = "FALSE"
    #: Appended to a text to compare it by code point.
    exact: str = ""
    text_type: str = "VARCHAR"
    shapes: bool = True

    def call(self, function: str, *args: str) -> str:
        """A function of these arguments."""
        return self.functions[function].format(*args)

    def text(self, value: str) -> str:
        """A text literal."""
        return _text(value)

    def number(self, value: int | float) -> str:
        """A number literal; whole ones of 64 bits stay whole."""
        if isinstance(value, int) and abs(value) < 2**63:
            return str(value) if value >= 0 else f"({value})"
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if number != number or abs(number) == float("inf"):
            raise Invalid("A number is larger than can be compared.", hint="At most 1.7e308.")
        return f"CAST({number!r} AS {self.double})"

    def boolean(self, value: bool) -> str:
        """A truth value."""
        return self.true if value else self.false

    def stamp(self, at: int) -> str:
        """A moment as the engine's timestamp; `Invalid` outside of the years 1 to 9999."""
        return f"TIMESTAMPTZ '{moment_text(at)}+00:00'"

    def shape(self, wkb: bytes) -> str:
        """A geometry literal."""
        raise NotImplementedError

    def json_text(self, column: str, keys: Keys) -> str:
        """What lies inside a JSON text, as text: strings as they are, all else as JSON; null if missing."""
        raise NotImplementedError

    def json_number(self, column: str, keys: Keys) -> str:
        """What lies inside a JSON text, if it is a number; else null."""
        raise NotImplementedError

    def json_truth(self, column: str, keys: Keys) -> str:
        """What lies inside a JSON text, if it is true or false; else null."""
        raise NotImplementedError

    def json_has(self, column: str, keys: Keys, texts: Sequence[str]) -> str:
        """That the list inside a JSON text has a member whose text is one of these."""
        raise NotImplementedError

    def json_moment(self, text: str) -> str:
        """Text that says a moment as microseconds, else null. `text` is repeated."""
        raise NotImplementedError


def moment_text(at: int) -> str:
    """A moment as all engines read it, without zone. `Invalid` outside of the years 1 to 9999."""
    try:
        moment = datetime_of(at)
    except OverflowError:
        raise Invalid("A moment lies outside of the years 1 to 9999.") from None
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


_OF_DAY = f"((({{0}}) % {DAY} + {DAY}) % {DAY})"
_SHARED = {
    "length": "length({0})",
    "concat": "({0} || {1})",
    "of_day": _OF_DAY,
    "hour": f"({_OF_DAY} / 3600000000)",
    "minute": f"(({_OF_DAY} / 60000000) % 60)",
    "second": f"(({_OF_DAY} / 1000000) % 60)",
    "fraction": f"(({_OF_DAY} % 1000000) / 1000000.0)",
}
#: Predicates of geometries: name in terms -> name in `shapely` (and, after `ST_`, in PostGIS).
PREDICATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "geo.intersects": "intersects",
        "st_equals": "equals",
        "st_disjoint": "disjoint",
        "st_touches": "touches",
        "st_within": "within",
        "st_overlaps": "overlaps",
        "st_crosses": "crosses",
        "st_intersects": "intersects",
        "st_contains": "contains",
        "st_relate": "relate",
    }
)


class _DuckDb(Dialect):
    def shape(self, wkb: bytes) -> str:
        raise Invalid("Places are compared where entities are kept, not among observations.")

    def json_text(self, column: str, keys: Keys) -> str:
        return f"json_extract_string({column}, {_text(_pointer(keys))})"

    def json_number(self, column: str, keys: Keys) -> str:
        path = _text(_pointer(keys))
        kinds = "('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"
        number = f"TRY_CAST(json_extract_string({column}, {path}) AS DOUBLE)"
        return f"(CASE WHEN json_type({column}, {path}) IN {kinds} THEN {number} END)"

    def json_truth(self, column: str, keys: Keys) -> str:
        kind = f"json_type({column}, {_text(_pointer(keys))})"
        return f"(CASE WHEN {kind} = 'BOOLEAN' THEN {self.json_text(column, keys)} = 'true' END)"

    def json_has(self, column: str, keys: Keys, texts: Sequence[str]) -> str:
        path = _text(_pointer(keys))
        # As a list only where it is one: a wildcard path would also go through objects.
        members = f"CAST(json_extract({column}, {path}) AS JSON[])"
        found = f"list_has_any(list_transform({members}, lambda x: json_extract_string(x, '$')), [{', '.join(map(_text, texts))}])"
        return f"(CASE WHEN json_type({column}, {path}) = 'ARRAY' THEN {found} END)"

    def json_moment(self, text: str) -> str:
        return f"(CASE WHEN regexp_matches({text}, '{MOMENT}') THEN epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)) END)"


class _Postgres(Dialect):
    def shape(self, wkb: bytes) -> str:
        return f"'\\x{wkb.hex()}'::bytea"

    def _inside(self, column: str, keys: Keys) -> str:
        return f"CAST({column} AS json) #> ARRAY[{', '.join(_text(str(key)) for key in keys)}]::text[]"

    def json_text(self, column: str, keys: Keys) -> str:
        return f"(CAST({column} AS json) #>> ARRAY[{', '.join(_text(str(key)) for key in keys)}]::text[])"

    def json_number(self, column: str, keys: Keys) -> str:
        number = f"CAST({self.json_text(column, keys)} AS double precision)"
        return f"(CASE WHEN json_typeof({self._inside(column, keys)}) = 'number' THEN {number} END)"

    def json_truth(self, column: str, keys: Keys) -> str:
        kind = f"json_typeof({self._inside(column, keys)})"
        return f"(CASE WHEN {kind} = 'boolean' THEN {self.json_text(column, keys)} = 'true' END)"

    def json_has(self, column: str, keys: Keys, texts: Sequence[str]) -> str:
        inside = self._inside(column, keys)
        members = (
            f"SELECT 1 FROM json_array_elements_text({inside}) AS e(x) WHERE x IN ({', '.join(map(_text, texts))})"
        )
        return f"(CASE WHEN json_typeof({inside}) = 'array' THEN EXISTS ({members}) END)"

    def json_moment(self, text: str) -> str:
        # Casts raise errors: days that a month does not have run over into the next one instead.
        days = f"to_date(substr({text}, 1, 7), 'YYYY-MM') + (CAST(substr({text}, 9, 2) AS integer) - 1)"
        clock = f"CAST(substring({text} from 'T([0-9:.]+)') AS interval)"
        sign = f"(CASE WHEN {text} ~ '-[0-9:]{{5}}$' THEN -1 ELSE 1 END)"
        zone = f"coalesce(CAST(substring({text} from '[+-]([0-9:]{{5}})$') AS interval), interval '0')"
        moment = f"CAST({days} AS timestamp) + {clock} - {sign} * {zone}"
        micros = f"CAST(extract(epoch from {moment}) * 1000000 AS bigint)"
        return f"(CASE WHEN {text} ~ '{MOMENT}' AND {text} !~ '^0000' THEN {micros} END)"


class _Sqlite(Dialect):
    def number(self, value: int | float) -> str:
        written = super().number(value)
        return written.removeprefix("CAST(").removesuffix(" AS REAL)") if written.startswith("CAST(") else written

    def shape(self, wkb: bytes) -> str:
        return f"X'{wkb.hex()}'"

    def json_text(self, column: str, keys: Keys) -> str:
        path = _sqlite_path(keys)
        if path is None:
            return f"nabe_json_text({column}, {_text(json.dumps(list(keys)))})"
        type_, inside = f"json_type({column}, {path})", f"json_extract({column}, {path})"
        return f"(CASE {type_} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST({inside} AS TEXT) END)"

    def json_number(self, column: str, keys: Keys) -> str:
        path = _sqlite_path(keys)
        if path is None:
            return f"nabe_json_number({column}, {_text(json.dumps(list(keys)))})"
        return f"(CASE WHEN json_type({column}, {path}) IN ('integer', 'real') THEN json_extract({column}, {path}) END)"

    def json_truth(self, column: str, keys: Keys) -> str:
        path = _sqlite_path(keys)
        if path is None:
            return f"nabe_json_truth({column}, {_text(json.dumps(list(keys)))})"
        return f"(CASE json_type({column}, {path}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"

    def json_has(self, column: str, keys: Keys, texts: Sequence[str]) -> str:
        path = _sqlite_path(keys)
        if path is None:
            raise Invalid("A key with quotation marks cannot be looked into as a list.")
        text = "CASE e.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(e.value AS TEXT) END"
        listed = ", ".join(map(_text, texts))
        found = f"EXISTS (SELECT 1 FROM json_each({column}, {path}) AS e WHERE {text} IN ({listed}))"
        return f"(CASE WHEN json_type({column}, {path}) = 'array' THEN {found} END)"

    def json_moment(self, text: str) -> str:
        return f"nabe_moment({text})"


def _pointer(keys: Keys) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def _sqlite_path(keys: Keys) -> str | None:
    """SQLite's paths have no escapes; None if one is needed."""
    path = "$"
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
        elif any(sign in '"\\' or sign < " " for sign in key):
            return None
        else:
            path += f'."{key}"'
    return _text(path)


DUCKDB: Final[Dialect] = _DuckDb(
    "duckdb",
    {
        **_SHARED,
        "hour": f"({_OF_DAY} // 3600000000)",
        "minute": f"(({_OF_DAY} // 60000000) % 60)",
        "second": f"(({_OF_DAY} // 1000000) % 60)",
        "fraction": f"(({_OF_DAY} % 1000000) / 1000000)",
        "lower": "lower({0})",
        "upper": "upper({0})",
        "trim": "trim({0}, ' ' || chr(9) || chr(10) || chr(13))",
        "startswith": "starts_with({0}, {1})",
        "endswith": "suffix({0}, {1})",
        "contains": "contains({0}, {1})",
        "indexof": "(strpos({0}, {1}) - 1)",
        "substring": "substring({0}, CAST(least(greatest({1}, 0), 1e9) AS BIGINT) + 1)",
        "substring_of": "substring({0}, CAST(least(greatest({1}, 0), 1e9) AS BIGINT) + 1, CAST(least(greatest({2}, 0), 1e9) AS BIGINT))",
        "round": "round({0})",
        "floor": "floor({0})",
        "ceiling": "ceil({0})",
        "div": "({0} / nullif({1}, 0))",
        "mod": "({0} % nullif({1}, 0))",
        "midnight": "epoch_us(date_trunc('day', make_timestamp({0})))",
        "year": "year(make_timestamp({0}))",
        "month": "month(make_timestamp({0}))",
        "day": "day(make_timestamp({0}))",
        "micros": "epoch_us({0})",
        "number_text": "(CASE WHEN {0} = trunc({0}) AND abs({0}) < 1e15 THEN CAST(CAST({0} AS BIGINT) AS VARCHAR) ELSE CAST({0} AS VARCHAR) END)",
    },
    double="DOUBLE",
    shapes=False,
)

SQLITE: Final[Dialect] = _Sqlite(
    "sqlite",
    {
        **_SHARED,
        "lower": "nabe_lower({0})",
        "upper": "nabe_upper({0})",
        "trim": "nabe_trim({0})",
        "startswith": "nabe_startswith({0}, {1})",
        "endswith": "nabe_endswith({0}, {1})",
        "contains": "(instr({0}, {1}) > 0)",
        "indexof": "(instr({0}, {1}) - 1)",
        "substring": "nabe_substring({0}, {1})",
        "substring_of": "nabe_substring({0}, {1}, {2})",
        "round": "nabe_round({0})",
        "floor": "nabe_floor({0})",
        "ceiling": "nabe_ceiling({0})",
        "div": "({0} / nullif({1}, 0))",
        "mod": "nabe_mod({0}, {1})",
        "midnight": "nabe_midnight({0})",
        "year": "nabe_year({0})",
        "month": "nabe_month({0})",
        "day": "nabe_day({0})",
        "micros": "{0}",
        "number_text": "nabe_number_text({0})",
        "relates": "nabe_relates('{2}', {0}, {1}, '')",
        "relates_how": "nabe_relates('{2}', {0}, {1}, {3})",
        "distance": "nabe_distance({0}, {1})",
        "shape_length": "nabe_length({0})",
    },
    double="REAL",
    true="1",
    false="0",
    text_type="TEXT",
)

POSTGRES: Final[Dialect] = _Postgres(
    "postgres",
    {
        **_SHARED,
        "lower": '(lower({0} COLLATE "und-x-icu") COLLATE "C")',
        "upper": '(upper({0} COLLATE "und-x-icu") COLLATE "C")',
        "trim": "btrim({0}, E' \\t\\n\\r')",
        "startswith": "starts_with({0}, {1})",
        "endswith": "starts_with(reverse({0}), reverse({1}))",
        "contains": "(strpos({0}, {1}) > 0)",
        "indexof": "(strpos({0}, {1}) - 1)",
        "substring": "substr({0}, CAST(least(greatest({1}, 0), 1e9) AS integer) + 1)",
        "substring_of": "substr({0}, CAST(least(greatest({1}, 0), 1e9) AS integer) + 1, CAST(least(greatest({2}, 0), 1e9) AS integer))",
        "round": "CAST(round(CAST({0} AS numeric)) AS double precision)",
        "floor": "floor({0})",
        "ceiling": "ceil({0})",
        "div": "({0} / nullif({1}, 0))",
        "mod": "CAST(mod(CAST({0} AS numeric), nullif(CAST({1} AS numeric), 0)) AS double precision)",
        "midnight": "(CAST(floor(({0}) / 86400000000.0) AS bigint) * 86400000000)",
        "year": "extract(year from DATE '1970-01-01' + CAST(floor(({0}) / 86400000000.0) AS integer))",
        "month": "extract(month from DATE '1970-01-01' + CAST(floor(({0}) / 86400000000.0) AS integer))",
        "day": "extract(day from DATE '1970-01-01' + CAST(floor(({0}) / 86400000000.0) AS integer))",
        "micros": "CAST(extract(epoch from {0}) * 1000000 AS bigint)",
        "number_text": "(CASE WHEN {0} = trunc({0}) AND abs({0}) < 1e15 THEN CAST(CAST({0} AS bigint) AS text) ELSE CAST({0} AS text) END)",
        "relates": "ST_{2}(ST_GeomFromWKB({0}), ST_GeomFromWKB({1}))",
        "relates_how": "ST_Relate(ST_GeomFromWKB({0}), ST_GeomFromWKB({1}), {3})",
        "distance": "ST_Distance(ST_GeomFromWKB({0}), ST_GeomFromWKB({1}))",
        "shape_length": "ST_Length(ST_GeomFromWKB({0}))",
    },
    double="double precision",
    exact=' COLLATE "C"',
    text_type="TEXT",
)
