"""How a northbound interface presents itself. It is registered by its package exposing `INTERFACE`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.routing import BaseRoute

from nabe.model.text import Text
from nabe.web.services import Services


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A request that the leak suite sends for every actor and purpose.

    `path` and `body` may hold {dataset}, {field} and {value}. Every route of an interface needs at least one.
    """

    method: str
    path: str
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interface:
    """A standard or page set: where it lives, its routes, and the requests that probe it for leaks.

    `uploads`: regular expressions of whole paths that take files (bodies up to `upload_mb`); they must know who asks
    before they read any.
    """

    id: str
    title: Text
    prefix: str
    routes: Callable[[Services], list[BaseRoute]]
    probes: tuple[ProbeRequest, ...]
    uploads: tuple[str, ...] = ()
