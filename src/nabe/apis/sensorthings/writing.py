"""Terms and questions as SensorThings' URL language: what `grammar` and `options` read is what this writes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

import shapely

from nabe.apis.sensorthings import times
from nabe.apis.sensorthings.expanding import Shown
from nabe.apis.sensorthings.functions import BINDING, MINUS, NOT
from nabe.model.term import Call, Instant, Interval, Literal, Ordering, Path, Shape, Term

_NAME = re.compile(r"[^\W\d][\w.\-]*")
_TIGHT = 9


def write_term(term: Term) -> str:
    """A term as text; what reads it gets the same term."""
    return _write(term)[0]


def write_orders(order: tuple[Ordering, ...]) -> str:
    """Sort keys as text."""
    return ",".join(write_term(item.term) + (" desc" if item.descending else "") for item in order)


def write_shown(shown: Shown) -> list[tuple[str, str]]:
    """All options of a set, by name; $expand with the options of each expansion."""
    found = []
    if shown.where is not None:
        found.append(("$filter", write_term(shown.where)))
    if shown.order:
        found.append(("$orderby", write_orders(shown.order)))
    if shown.select is not None:
        found.append(("$select", ",".join(_steps(path) for path in shown.select)))
    if shown.expand:
        parts = [(name, write_shown(inner)) for name, inner in shown.expand.items()]
        found.append(("$expand", ",".join(name + _nested(options) for name, options in parts)))
    if shown.top is not None:
        found.append(("$top", str(shown.top)))
    if shown.skip:
        found.append(("$skip", str(shown.skip)))
    if shown.count:
        found.append(("$count", "true"))
    return found


def _nested(options: list[tuple[str, str]]) -> str:
    return f"({';'.join(f'{name}={value}' for name, value in options)})" if options else ""


def _write(term: Term) -> tuple[str, int]:
    """Text, and how strongly it holds together."""
    match term:
        case Literal(value):
            text = _literal(value)
            return text, MINUS if text.startswith("-") else _TIGHT
        case Path():
            return _path(term), _TIGHT
        case Call("not", (inner,)):
            return f"not {_inside(inner, NOT)}", NOT
        case Call("neg", (inner,)):
            # A minus before a number would be read as part of it.
            text = f"({_write(inner)[0]})" if isinstance(inner, Literal) else _inside(inner, MINUS + 1)
            return f"-{text}", MINUS
        case Call("in", (value, Path() as path)):
            return f"{_inside(value, BINDING['in'])} in {_path(path)}", BINDING["in"]
        case Call("in", (value, *choices)):
            listed = ",".join(_write(choice)[0] for choice in choices)
            return f"{_inside(value, BINDING['in'])} in ({listed})", BINDING["in"]
        case Call("any" | "all" as name, (Path() as over, Literal(str(variable)), inner)):
            return f"{_path(over)}/{name}({variable}:{_write(inner)[0]})", _TIGHT
        case Call("any" | "all" as name, (Path() as over,)):
            return f"{_path(over)}/{name}()", _TIGHT
        case Call(name, args) if name in BINDING:
            strength = BINDING[name]
            # `and`, `or` of several are one; the others are read from the left.
            chained = name in ("and", "or")
            first = _inside(args[0], strength + 1 if chained else strength)
            return f" {name} ".join([first, *(_inside(arg, strength + 1) for arg in args[1:])]), strength
        case Call(name, args):
            return f"{name}({','.join(_write(arg)[0] for arg in args)})", _TIGHT


def _inside(term: Term, binding: int) -> str:
    text, strength = _write(term)
    return text if strength >= binding else f"({text})"


def _path(path: Path) -> str:
    return _steps(path.steps)


def _steps(steps: Iterable[str | int]) -> str:
    parts: list[str] = []
    for place, step in enumerate(steps):
        if isinstance(step, int):
            parts[-1] += f"[{step}]"
        elif place == 0 and step.startswith("$"):
            parts.append(step[1:])
        elif (_NAME.fullmatch(step) and not (parts and step in ("any", "all"))) or step == "@iot.selfLink":
            parts.append(step)
        else:
            parts.append("'" + step.replace("'", "''") + "'")
    return "/".join(parts)


def _literal(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case Instant(at):
            return times.write(at)
        case Interval(start, end):
            return f"{times.write(start)}/{times.write(end)}"
        case dt.timedelta():
            return f"duration'{times.write_duration(value)}'"
        case Shape(wkb):
            return f"geography'{shapely.to_wkt(shapely.from_wkb(wkb), rounding_precision=-1)}'"
        case dt.date() | dt.time():
            return value.isoformat()
    raise TypeError(type(value).__name__)
