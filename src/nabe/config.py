"""Settings of a running Nabe, each once: environment variables `NABE_*` over the `server` block of `nabe.yaml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nabe.errors import Invalid


@dataclass(frozen=True, slots=True)
class Settings:
    """How this instance runs. Environment variable of `query_rows`: `NABE_QUERY_ROWS`, and so on."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8080
    """Port of HTTP."""
    storage: str = ""
    """SQLAlchemy URL of the catalogue, ledger and accounts; empty: SQLite in `.nabe/` of the workspace."""
    query_rows: int = 10_000_000
    """Most rows one answer may have."""
    query_seconds: float = 60.0
    """Seconds after which a question is stopped."""
    query_memory: int = 1_000_000_000
    """Bytes that the engine may hold in memory."""
    session_hours: float = 12.0
    """Hours after which a log-in ends."""
    upload_mb: int = 100
    """Largest file that a data owner may deliver over HTTP, in MB."""
    secure_cookies: bool = False
    """Send session cookies over HTTPS only (switch on behind TLS)."""
    client_requests: int = 32
    """Most requests of one address at work at a time; behind a reverse proxy set `trusted_proxies`, too."""
    trusted_proxies: str = ""
    """Addresses of reverse proxies whose X-Forwarded-* headers count, comma-separated."""
    jobs: int = 2
    """Silos worked on at a time by schedule (copies, checks); 0: this process follows no schedule."""
    tasking: bool = True
    """Name what takes tasks (Actuators, TaskingCapabilities, Tasks) in the root of SensorThings, too."""
    mqtt: bool = True
    """Let devices publish and subscribe over MQTT."""
    mqtt_host: str = ""
    """Address to listen on for MQTT; empty: the one of HTTP."""
    mqtt_port: int = 1883
    """Port of MQTT without TLS; 0: any free one; -1: none."""
    mqtt_cert: str = ""
    """PEM file with the certificate (and its chain) for MQTT over TLS; empty: no TLS."""
    mqtt_key: str = ""
    """PEM file with the key of the certificate; empty: it is in the same file."""
    mqtt_tls_port: int = 8883
    """Port of MQTT over TLS."""
    mqtt_anonymous: bool = True
    """Let clients without an account in; they see what is open, and write where a dataset says `anonymous`."""
    mqtt_connections: int = 2_000
    """Most MQTT clients at a time; of one address a quarter of that."""
    mqtt_durability: str = "power"
    """What an acknowledged message survives: `power` (a power cut) or `process` (only the end of processes)."""
    mqtt_inbox_mb: int = 2_000
    """Most MB of messages that may wait for the store; above that nothing is acknowledged."""
    nats: str = ""
    """Address of a NATS cluster with JetStream (nats://user:password@host:4222); empty: a server beside Nabe; `off`: none."""
    log_level: str = "info"
    """debug, info, warning or error."""


def load(server: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the `server` block and the environment; `Invalid` names the one that does not fit."""
    values: dict[str, Any] = {}
    known = {item.name: item for item in fields(Settings)}
    for name, value in flat(server or {}).items():
        if name not in known:
            raise Invalid(
                f"nabe.yaml: server.{name} is not a setting.",
                hint=f"Known: {', '.join(known)}.",
                field=f"server.{name}",
            )
        values[name] = _typed(f"server.{name}", value, known[name].type)
    for name, item in known.items():
        if (value := environ.get(f"NABE_{name.upper()}")) is not None:
            values[name] = _typed(f"NABE_{name.upper()}", value, item.type)
    if values.get("mqtt_durability", "power") not in ("power", "process"):
        hint = "`power` survives a power cut, `process` only the end of processes."
        raise Invalid("mqtt_durability is `power` or `process`.", hint=hint, field="server.mqtt_durability")
    return Settings(**values)


def flat(server: Mapping[str, Any]) -> dict[str, Any]:
    """The block `mqtt: {port: 1884}` means `mqtt_port: 1884`; `mqtt: off` switches it off."""
    found: dict[str, Any] = {}
    for name, value in server.items():
        if name == "mqtt" and isinstance(value, Mapping):
            found |= {"nats" if key == "nats" else f"mqtt_{key}": item for key, item in value.items()}
        else:
            found[name] = value
    return found


def _typed(name: str, value: Any, kind: Any) -> Any:
    try:
        if kind == "bool":
            return (
                value
                if isinstance(value, bool)
                else {
                    "true": True,
                    "1": True,
                    "yes": True,
                    "on": True,
                    "false": False,
                    "0": False,
                    "no": False,
                    "off": False,
                }[str(value).lower()]
            )
        return {"int": int, "float": float, "str": str}[str(kind)](value)
    except (ValueError, KeyError, TypeError):
        raise Invalid(f"{name}: {value!r} is not a {kind}.", field=name, value=str(value)) from None


def state_folder(workspace: Path) -> Path:
    """Where a workspace's own state lives (`.nabe/`: catalogue, ledger, caches)."""
    return workspace / ".nabe"
