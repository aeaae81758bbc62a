"""What a handler may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from nabe.config import Settings
from nabe.hub import Hub


@dataclass(frozen=True, slots=True)
class Services:
    """The hub, the accounts (an `Identity`) and the settings; `request.app.state.services`."""

    hub: Hub
    identity: Any
    settings: Settings


def services_of(request: Request) -> Services:
    """The services of the application that serves this request."""
    found: Services = request.scope["nabe.services"]
    return found
