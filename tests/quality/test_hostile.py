"""Whatever stands in a rule: it is counted, or it is not and says why; never anything else."""

from __future__ import annotations

import datetime as dt
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.quality.conftest import World

from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.quality import Rule, RuleKind, State, Target
from nabe.model.text import Text
from nabe.quality import run

FIELDS = (
    Field("id", FieldType.STRING),
    Field("t", FieldType.STRING),
    Field("x", FieldType.NUMBER),
    Field("d", FieldType.DATE),
    Field("g", FieldType.GEOMETRY),
)
ROWS = [("a", "1", 1.0, dt.date(2026, 1, 1), b""), ("b", None, None, None, None)]
pieces = st.lists(
    st.sampled_from(
        "t x d id g ( ) , ' \" -- /* */ ; = <> < > + - * / % AND OR NOT IN IS NULL LIKE CASE WHEN THEN END SELECT FROM d "
        "geheim WHERE GROUP BY ORDER UNION ALL 1 0 'a' sum count max OVER PARTITION lag exists cast AS INT interval 1e999 "
        "read_csv ln error \\ $1 ? : [ ] { } |".split()
    )
    | st.text(max_size=3),
    max_size=14,
).map(" ".join)
names = st.sampled_from(["id", "t", "x", "d", "g", "gibtsnicht", "", 'a"b', "SELECT"])
bounds = (
    st.none()
    | st.floats()
    | st.integers()
    | st.sampled_from(["today", "now", "2026-01-01", "9999-12-31", "x", ""])
    | pieces
)
rules = st.builds(
    Rule,
    id=st.just("r"),
    kind=st.sampled_from(list(RuleKind)),
    fields=st.lists(names, max_size=3).map(tuple),
    type=st.sampled_from(["", "integer", "date", "x"]),
    min=bounds,
    max=bounds,
    pattern=pieces | st.text(max_size=12),
    references=st.none() | st.builds(Target, st.sampled_from(["d", "geheim", "nix", 'x"y']), names),
    max_age=st.sampled_from(["", "P1D", "P9999999Y", "x"]),
    change=st.floats(0, 2),
    sql=pieces,
    at_most=st.floats(0, 0.99),
)


@settings(max_examples=int(os.environ.get("NABE_FUZZ", "80")), deadline=None, suppress_health_check=list(HealthCheck))
@given(rules)
def test_no_rule_brings_the_check_down_or_looks_elsewhere(engine, rule):
    checked = Dataset("d", Text("D"), "amt", Access.OPEN, FIELDS, system="d", key=("id",), quality=(rule,))
    closed = Dataset("geheim", Text("G"), "anderes", Access.RESTRICTED, FIELDS[:2], system="geheim")
    world = World(engine, [(checked, ROWS), (closed, [("KANARIE", "KANARIE")])])
    (found,) = run(world.hub, now=world.now)
    (result,) = found.results
    assert result.state in State and (result.why or result.state is not State.NOT_CHECKED)
    assert not world.sources["geheim"].read_log and "KANARIE" not in str(result)
