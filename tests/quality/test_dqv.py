"""W3C DQV: what is said as JSON-LD is said as Turtle, and is what was found."""

from __future__ import annotations

import datetime as dt
import json
import re

from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.quality import QualityView, Result, Rule, RuleKind, RuleView, State
from nabe.model.text import Text
from nabe.quality import as_json_ld, as_turtle
from nabe.quality.dqv import DIMENSIONS

AT = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
DATA = Dataset("d", Text('Da"ten\n'), "amt", Access.OPEN, (Field("x", FieldType.NUMBER, Text("Wert")),))
BASE = "https://daten.example/"
#: Dimensions of http://www.w3.org/2016/05/ldqd# (DQV, appendix "Linked Data Quality Dimensions").
LDQD = {
    "accuracy", "availability", "completeness", "conciseness", "consistency", "interlinking", "interoperability",
    "interpretability", "licensing", "performance", "relevancy", "representationalConciseness", "security",
    "semanticAccuracy", "syntacticValidity", "timeliness", "trustworthiness", "understandability", "versatility",
}  # fmt: skip


def view(figures=True):
    counted = {"rows": 10, "checked": 10, "failing": 2} if figures else {}
    broken = Result("d", "r", AT, State.FAILED, **counted)
    down = Result("d", "r", AT + dt.timedelta(days=1), State.NOT_CHECKED, why="source-unavailable")
    rule = Rule("r", RuleKind.RANGE, ("x",), min=0)
    never = RuleView(Rule("n", RuleKind.UNIQUE, ("x",)), figures)
    return QualityView("d", (RuleView(rule, figures, (down, broken)), never))


def nodes(document):
    return {node["@id"]: node for node in document["@graph"]}


def test_each_rule_is_a_metric_and_each_known_result_a_measurement():
    found = nodes(as_json_ld(DATA, view(), BASE))
    home = "https://daten.example/id/dataset/d"
    first, share = (f"{home}#quality-r-20261124T120000Z", f"{home}#quality-r-20261124T120000Z-share")
    assert found[home]["dqv:hasQualityMeasurement"] == [{"@id": first}, {"@id": share}]
    assert found[first]["dqv:value"] == {"@value": "false", "@type": "xsd:boolean"}
    assert found[share]["dqv:value"] == {"@value": "0.8", "@type": "xsd:double"}
    assert found[first]["dqv:isMeasurementOf"] == {"@id": f"{home}#rule-r"}
    assert found[first]["dqv:computedOn"] == {"@id": home}
    assert found[first]["prov:generatedAtTime"]["@value"] == "2026-11-24T12:00:00+00:00"
    assert found[f"{home}#rule-r"]["dqv:inDimension"] == {"@id": "ldqd:semanticAccuracy"}
    assert found[f"{home}#rule-n"]["@type"] == "dqv:Metric"
    kinds = [node["@type"] for node in found.values()]
    assert kinds.count("dqv:QualityMeasurement") == 2, "what was never checked is not measured"
    for node in found.values():  # whatever is pointed at within the document is there
        for value in node.values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict) and "@id" in item and not item["@id"].startswith("xsd:"):
                    assert item["@id"] in found


def test_without_figures_there_is_no_share():
    text = json.dumps(as_json_ld(DATA, view(figures=False), BASE))
    assert "share" not in text and "0.8" not in text and '"false"' in text


def test_dimensions_are_those_of_the_vocabulary():
    assert set(DIMENSIONS) == set(RuleKind) and set(DIMENSIONS.values()) <= LDQD


def test_turtle_says_the_same():
    """Read back by hand: blocks of subject, predicates and objects as this serialiser writes them."""
    text = as_turtle(DATA, view(), BASE)
    prefixes = dict(re.findall(r"@prefix (\w+): <([^>]+)> \.", text))
    document = as_json_ld(DATA, view(), BASE)
    assert prefixes == document["@context"]
    said = set()
    for block in text.split("\n\n")[1:]:
        subject, rest = block.strip().split("\n", 1)
        for line in rest.removesuffix(" .").split(" ;\n"):
            predicate, objects = line.strip().split(" ", 1)
            said |= {
                (subject.strip("<>"), "@type" if predicate == "a" else predicate, item) for item in objects.split(", ")
            }
    meant = set()
    for node in document["@graph"]:
        for key, value in node.items():
            for item in value if isinstance(value, list) else [value]:
                if key != "@id":
                    meant.add((node["@id"], key, _turtle(item)))
    assert said == meant
    assert '"Da\\"ten\\n"@de' in text


def _turtle(item):
    if isinstance(item, str):
        return item
    if "@id" in item:
        return item["@id"] if item["@id"].startswith(("ldqd:", "xsd:")) else f"<{item['@id']}>"
    written = json.dumps(item["@value"], ensure_ascii=False)
    return f"{written}@{item['@language']}" if "@language" in item else f"{written}^^{item['@type']}"
