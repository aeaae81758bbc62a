"""A document changed in the text that somebody wrote: what stays the same keeps its place, its writing and its comments."""

from __future__ import annotations

import io
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from nabe.manifest.basics import Document
from nabe.manifest.documents import DOCUMENTS, UseCaseDoc
from nabe.manifest.reading import parse
from nabe.manifest.writing import emitter, styled


def merged(text: str, kind: str, was: dict[str, Any], will: dict[str, Any]) -> str | None:
    """`text`, which says `was`, made to say `will`; None if that cannot be done (the caller writes it anew then).

    Both are plain documents without defaults, so that only their difference is touched.
    """
    yaml = emitter(width=4096)
    try:
        node = yaml.load(text)
        if not isinstance(node, CommentedMap):
            return None
        _merge(node, was, will)
        out = io.StringIO()
        yaml.dump(node, out)
        wanted = io.StringIO()
        yaml.dump(styled(will), wanted)
    except (YAMLError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None
    return out.getvalue() if _meaning(out.getvalue(), kind) == _meaning(wanted.getvalue(), kind) else None


def _merge(node: CommentedMap, was: dict[str, Any], will: dict[str, Any]) -> None:
    for key in was:
        if key not in will:
            node.pop(key, None)
    for key, value in will.items():
        if key in was and was[key] == value:
            continue
        here, before = node.get(key), was.get(key)
        if isinstance(here, CommentedMap) and isinstance(before, dict) and isinstance(value, dict):
            _merge(here, before, value)
        elif _alike(here, before, value):
            _merge_items(here, before, value)  # type: ignore[arg-type]
        else:
            node[key] = styled(value)


def _alike(here: Any, before: Any, value: Any) -> bool:
    """Lists of as many mappings, so that each item is compared with its own successor."""
    return (
        isinstance(here, CommentedSeq)
        and isinstance(before, list)
        and isinstance(value, list)
        and len(here) == len(before) == len(value)
        and all(isinstance(item, dict) for item in (*here, *before, *value))
    )


def _merge_items(here: CommentedSeq, before: list[dict[str, Any]], value: list[dict[str, Any]]) -> None:
    for item, old, new in zip(here, before, value, strict=True):
        if old != new:
            _merge(item, old, new)


def _meaning(text: str, kind: str) -> object:
    """What a document says, however it is written; fields of products are left out, since they may be derived."""
    raws, problems = parse(text, kind)
    if problems or len(raws) != 1:
        return object()
    try:
        document: Document = DOCUMENTS[kind].model_validate(raws[0].data)
    except ValidationError:
        return object()
    drop = {"products": {"__all__": {"fields"}}} if isinstance(document, UseCaseDoc) else None
    return document.model_dump(exclude=drop)
