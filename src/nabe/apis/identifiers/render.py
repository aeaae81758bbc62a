"""Things as JSON-LD, in the terms of DCAT 3, SKOS and ORG."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from nabe.model.catalogue import Code, Goal, Vocabulary
from nabe.model.dataset import Dataset
from nabe.model.party import Organisation
from nabe.model.text import Text
from nabe.model.usecase import UseCase

CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "org": "http://www.w3.org/ns/org#",
    "dpv": "https://w3id.org/dpv#",
}


def json_ld(thing: Any, uri: str, base: str) -> dict[str, Any]:
    """One thing under its URI; `base` is the root of all URIs of this city."""
    return {"@context": CONTEXT, "@id": uri} | {key: value for key, value in _body(thing, base).items() if value}


def _body(thing: Any, base: str) -> dict[str, Any]:
    match thing:
        case Dataset():
            return {
                "@type": "dcat:Dataset",
                "dct:title": _words(thing.title),
                "dct:description": _words(thing.description),
                "dct:publisher": {"@id": f"{base}/id/organisation/{thing.owner}"},
                "dct:accessRights": thing.access.value,
                "dct:license": thing.licence,
                "dcat:keyword": list(thing.keywords),
                "dcat:landingPage": f"{base}/datasets/{thing.id}",
            }
        case UseCase():
            return {
                "@type": "dpv:Purpose",
                "dct:title": _words(thing.title),
                "dct:description": _words(thing.purpose),
                "dct:publisher": {"@id": f"{base}/id/organisation/{thing.owner}"},
            }
        case Organisation():
            parent = {"@id": f"{base}/id/organisation/{thing.parent}"} if thing.parent else None
            return {"@type": "org:Organization", "skos:prefLabel": _words(thing.title), "org:subOrganizationOf": parent}
        case Goal():
            parent = {"@id": f"{base}/id/goal/{thing.parent}"} if thing.parent else None
            return {"@type": "skos:Concept", "skos:prefLabel": _words(thing.title), "skos:broader": parent}
        case Vocabulary():
            codes = [{"@id": f"{base}/id/vocabulary/{thing.id}/{quote(code.value, safe='')}"} for code in thing.codes]
            return {"@type": "skos:ConceptScheme", "skos:prefLabel": _words(thing.title), "skos:hasTopConcept": codes}
        case Code():
            same = {"@id": thing.uri} if thing.uri else None
            return {
                "@type": "skos:Concept",
                "skos:prefLabel": _words(thing.title),
                "skos:notation": thing.value,
                "skos:exactMatch": same,
            }
        case _:
            return {"dct:title": _words(thing.title), "dct:description": _words(thing.description)}


def _words(text: Text) -> list[dict[str, str]]:
    pairs = (("de", text.de), ("en", text.en))
    return [{"@value": value, "@language": lang} for lang, value in pairs if value]
