"""What a handler may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from nabe.config import Settings
from nabe.hub import Hub


@dataclass(frozen=True, slots=True)
class Services:
    """The hub, the accounts (an `Identity`) and the settings; `request.app.state.services`.

    `parts`: what else runs in this process, each with its state and figures (`state`: `ok`, `off`, or what is wrong).
    `devices`: a `devices.service.DeviceService`, where there is one.
    """

    hub: Hub
    identity: Any
    settings: Settings
    parts: Mapping[str, Callable[[], Mapping[str, Any]]] = field(default_factory=dict)
    devices: Any = None


def services_of(request: Request) -> Services:
    """The services of the application that serves this request."""
    found: Services = request.scope["nabe.services"]
    return found
