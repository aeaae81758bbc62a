"""The functions and syntax that user SQL may use: an allow-list. What is not here is refused by name.

None of them reads files, settings, tables or the clock of another system, draws random numbers that would defeat a
cache, or raises an error that repeats a value.
"""

from __future__ import annotations

from functools import cache

import sqlglot
from sqlglot import exp

AGGREGATE = (
    "count sum avg mean min max median mode stddev stddev_samp stddev_pop variance var_samp var_pop corr "
    "covar_pop covar_samp regr_slope regr_intercept regr_r2 quantile_cont quantile_disc percentile_cont "
    "approx_count_distinct arg_min arg_max min_by max_by first last any_value bool_and bool_or string_agg "
    "count_if sum_if product entropy skewness kurtosis"
)
WINDOW = "row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value"
TEXT = (
    "lower upper trim ltrim rtrim length char_length strlen substring substr left right replace concat concat_ws "
    "contains starts_with ends_with prefix suffix position strpos instr reverse regexp_matches regexp_replace "
    "regexp_extract lpad rpad split_part translate initcap levenshtein jaro_winkler_similarity strip_accents md5"
)
NUMBER = (
    "abs ceil ceiling floor round trunc sqrt cbrt exp ln log log10 log2 power pow sign mod greatest least sin cos "
    "tan asin acos atan atan2 radians degrees pi isnan isfinite isinf"
)
TIME = (
    "date_trunc date_part date_diff datediff date_add date_sub extract year month day hour minute second quarter "
    "week isoyear dayofweek dayofyear isodow weekday monthname dayname last_day make_date make_timestamp epoch "
    "time_bucket strftime strptime try_strptime to_timestamp age current_date now today"
)
LOGIC = "coalesce nullif ifnull if iff case cast try_cast typeof"
LISTS = (
    "list array_agg list_value array_length len list_contains list_sort list_distinct list_sum list_avg list_min "
    "list_max array_to_string"
)
SPATIAL = (
    "st_area st_length st_perimeter st_distance st_distance_sphere st_area_spheroid st_length_spheroid "
    "st_distance_spheroid st_within st_contains st_covers st_coveredby st_intersects st_touches st_crosses "
    "st_overlaps st_disjoint st_equals st_dwithin st_intersection st_union st_difference st_symdifference "
    "st_union_agg st_extent st_extent_agg st_collect st_centroid st_pointonsurface st_buffer st_simplify "
    "st_simplifypreservetopology st_convexhull st_envelope st_makeenvelope st_point st_makepoint st_makeline "
    "st_makepolygon st_x st_y st_xmin st_xmax st_ymin st_ymax st_transform st_flipcoordinates st_geomfromtext "
    "st_geomfromgeojson st_geomfromwkb st_astext st_asgeojson st_aswkb st_npoints st_numgeometries "
    "st_geometrytype st_isvalid st_isempty st_makevalid st_startpoint st_endpoint st_closestpoint st_shortestline "
    "st_hilbert"
)

NAMES = frozenset(" ".join((AGGREGATE, WINDOW, TEXT, NUMBER, TIME, LOGIC, LISTS, SPATIAL)).split())

#: Aggregates, for telling a question that shrinks from one that pulls.
AGGREGATES = frozenset(AGGREGATE.split())

_SYNTAX = (
    "Select From Where Group Having Order Ordered Limit Offset Fetch Join Table TableAlias Identifier Column Star "
    "Alias Aliases Literal HexString Boolean Null Subquery CTE With Union Intersect Except Paren Parens And Or "
    "Xor Not EQ NEQ GT GTE LT LTE Between In Like ILike Is NullSafeEQ NullSafeNEQ Add Sub Mul Div IntDiv Mod Neg "
    "BitwiseAnd BitwiseOr BitwiseXor DPipe SafeDPipe Concat Case If Cast TryCast DataType DataTypeParam Interval "
    "IntervalSpan Var Window WindowSpec Filter Distinct Qualify Exists Any All Tuple Values Bracket Array Collate "
    "WithinGroup Escape RegexpLike Cube Rollup GroupingSets Dot Extract Coalesce Hint IgnoreNulls RespectNulls "
    "SetOperation Window CurrentDate CurrentTimestamp"
)


#: Functions whose node class depends on their arguments.
_PHRASES = (
    "date_trunc('month', a), date_trunc('day', DATE '2026-01-01'), date_diff('day', a, b), date_add(a, INTERVAL 1 DAY)",
    "EXTRACT(year FROM a), date_part('hour', a), time_bucket(INTERVAL '1 hour', a), CURRENT_DATE, last_day(a)",
    "count(DISTINCT a), count(*) FILTER (WHERE a), string_agg(a, ',' ORDER BY b), quantile_cont(a, 0.5), a ->> 'b'",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY a), sum(a) OVER (PARTITION BY b ORDER BY c ROWS 3 PRECEDING)",
    "trim(BOTH 'x' FROM a), position('x' IN a), substring(a FROM 1 FOR 2), a IS DISTINCT FROM b, a::INT, a // b, a ** b",
)


@cache
def allowed_types() -> frozenset[type]:
    """Node classes that may occur: the syntax above, and whatever the allowed functions parse to."""
    found: set[type] = {getattr(exp, name) for name in _SYNTAX.split() if hasattr(exp, name)}
    for name in NAMES:
        for count in range(5):
            arguments = ", ".join("abcde"[:count])
            try:
                tree = sqlglot.parse_one(f"SELECT {name}({arguments})", dialect="duckdb")
            except sqlglot.errors.SqlglotError:
                continue
            found.update(type(node) for node in tree.walk())
    for phrase in _PHRASES:
        found.update(type(node) for node in sqlglot.parse_one(f"SELECT {phrase}", dialect="duckdb").walk())
    found.add(exp.Anonymous)  # checked by its name
    found.discard(exp.Lambda)
    return frozenset(found)
