"""Results as W3C Data Quality Vocabulary (Working Group Note, 15 December 2016): JSON-LD and Turtle.

Each rule is a dqv:Metric in a dqv:Dimension of the Linked Data Quality Dimensions (ldqd), each newest result a
dqv:QualityMeasurement: kept or not, and, where figures may be seen, the share of good rows as a second metric.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nabe.model.dataset import Dataset
from nabe.model.quality import QualityView, Result, RuleKind, RuleView, State
from nabe.quality.wording import what

_PREFIXES = {
    "dqv": "http://www.w3.org/ns/dqv#",
    "ldqd": "http://www.w3.org/2016/05/ldqd#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
#: The dimension of ldqd that each kind of rule measures.
DIMENSIONS = {
    RuleKind.TYPE: "syntacticValidity",
    RuleKind.RANGE: "semanticAccuracy",
    RuleKind.UNIQUE: "conciseness",
    RuleKind.REFERENCE: "interlinking",
    RuleKind.PATTERN: "syntacticValidity",
    RuleKind.FRESHNESS: "timeliness",
    RuleKind.COMPLETENESS: "completeness",
    RuleKind.ROW_COUNT: "consistency",
    RuleKind.SQL: "consistency",
}
Node = dict[str, Any]


def as_json_ld(dataset: Dataset, view: QualityView, base: str, lang: str = "de") -> Node:
    """The quality of a dataset as a JSON-LD document. `base`: of the city's identifiers."""
    return {"@context": _context(), "@graph": list(_nodes(dataset, view, base.rstrip("/"), lang))}


def as_turtle(dataset: Dataset, view: QualityView, base: str, lang: str = "de") -> str:
    """The same statements in Turtle."""
    lines = [f"@prefix {name}: <{iri}> ." for name, iri in _PREFIXES.items()]
    for node in _nodes(dataset, view, base.rstrip("/"), lang):
        parts = [
            f"    {'a' if key == '@type' else key} {', '.join(_term(item) for item in _listed(value))}"
            for key, value in node.items()
            if key != "@id"
        ]
        lines += ["", f"{_iri(node['@id'])}", " ;\n".join(parts) + " ."]
    return "\n".join(lines) + "\n"


def _context() -> Node:
    return dict(_PREFIXES)


def _nodes(dataset: Dataset, view: QualityView, base: str, lang: str) -> Iterator[Node]:
    home = f"{base}/id/dataset/{dataset.id}"
    measured = [(item, known) for item in view.rules if (known := item.known) is not None]
    yield {"@id": home, "@type": "dcat:Dataset", "dcterms:title": _words(dataset.title.in_(lang), lang)} | (
        {"dqv:hasQualityMeasurement": [{"@id": id} for item, known in measured for id in _ids(home, item, known)]}
        if measured
        else {}
    )
    for item in view.rules:
        yield from _metrics(home, item, dataset, lang)
    for item, known in measured:
        yield from _measurements(home, item, known)
    for dimension in sorted({DIMENSIONS[item.rule.kind] for item in view.rules}):
        yield {"@id": f"ldqd:{dimension}", "@type": "dqv:Dimension"}


def _ids(home: str, item: RuleView, known: Result) -> list[str]:
    first = f"{home}#quality-{item.rule.id}-{known.at.strftime('%Y%m%dT%H%M%SZ')}"
    return [first, f"{first}-share"] if _share(known) is not None else [first]


def _metrics(home: str, item: RuleView, dataset: Dataset, lang: str) -> Iterator[Node]:
    metric = f"{home}#rule-{item.rule.id}"
    common = {"dqv:inDimension": {"@id": f"ldqd:{DIMENSIONS[item.rule.kind]}"}}
    said = _words(what(item.rule, dataset, lang), lang)
    yield {"@id": metric, "@type": "dqv:Metric", "skos:definition": said} | common | _expected("boolean")
    if item.known is not None and _share(item.known) is not None:
        yield {"@id": f"{metric}-share", "@type": "dqv:Metric", "skos:definition": said} | common | _expected("double")


def _measurements(home: str, item: RuleView, known: Result) -> Iterator[Node]:
    share = _share(known)
    values = [("", "boolean", "true" if known.state is State.OK else "false")]
    values += [("-share", "double", repr(share))] if share is not None else []
    for id, (end, kind, value) in zip(_ids(home, item, known), values, strict=True):
        yield {
            "@id": id,
            "@type": "dqv:QualityMeasurement",
            "dqv:computedOn": {"@id": home},
            "dqv:isMeasurementOf": {"@id": f"{home}#rule-{item.rule.id}{end}"},
            "dqv:value": {"@value": value, "@type": f"xsd:{kind}"},
            "prov:generatedAtTime": {"@value": known.at.isoformat(), "@type": "xsd:dateTime"},
        }


def _share(result: Result) -> float | None:
    """Good rows among those checked."""
    return round(1 - result.failing / result.checked, 6) if result.checked > 0 and result.failing >= 0 else None


def _expected(kind: str) -> Node:
    return {"dqv:expectedDataType": {"@id": f"xsd:{kind}"}}


def _words(text: str, lang: str) -> Node:
    return {"@value": text, "@language": lang}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _term(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "@id" in value:
        return _iri(value["@id"])
    # JSON's escapes of strings are those of Turtle (RDF 1.1 Turtle, 6.4), once nothing beyond ASCII's controls is escaped.
    text = json.dumps(value["@value"], ensure_ascii=False).replace("\x7f", "\\u007F")
    return f"{text}@{value['@language']}" if "@language" in value else f"{text}^^{value['@type']}"


def _iri(id: str) -> str:
    prefix, _, local = id.partition(":")
    return id if prefix in _PREFIXES and not local.startswith("//") else f"<{id}>"
