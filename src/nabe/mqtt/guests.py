"""Who comes in over MQTT: the accounts and tokens of HTTP, and the same slowing down of guessers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import parse_qs

from nabe.errors import Denied, NotAuthenticated
from nabe.model.party import ANONYMOUS, Actor
from nabe.model.usecase import OPEN_DATA
from nabe.mqtt.packets import Connect
from nabe.web.services import Services
from nabe.web.session import log_in

_TOKEN = "nabe_"  # noqa: S105  how every token begins


@dataclass(frozen=True, slots=True)
class Guest:
    """`secret`: the token, or the session made for a password; by it we know whether the guest is still welcome."""

    actor: Actor
    use_case: str
    secret: str | None = None
    by_password: bool = False


class Guests:
    """All methods look at the database: call them on a worker thread."""

    def __init__(self, services: Services, *, anonymous: bool) -> None:
        self._services, self._anonymous = services, anonymous

    def admit(self, connect: Connect, client: str) -> Guest:
        """Who is this? `NotAuthenticated`, `TooManyRequests`, or `Denied` where nobody in particular may come in.

        The user name is the account's id, the password a personal access token or the account's password; a token may also stand
        alone as user name. `account?use-case=id` names the use case for which is read.
        """
        name, _, query = (connect.user or "").partition("?")
        use_case = (parse_qs(query).get("use-case") or [OPEN_DATA])[0][:200]
        password = (connect.password or b"").decode("utf-8", "replace")
        if name.startswith(_TOKEN) and not password:
            name, password = "", name
        if not password:
            if name not in ("", ANONYMOUS.id):
                raise NotAuthenticated("A user name needs a password or token.")
            if not self._anonymous:
                raise Denied("Only accounts may connect here.")
            return Guest(ANONYMOUS, use_case)
        if password.startswith(_TOKEN):
            actor: Actor = self._services.identity.by_token(password, at=dt.datetime.now(dt.UTC))
            if name not in ("", "token", actor.id):
                raise NotAuthenticated("The token belongs to another account.")
            return Guest(actor, use_case, password)
        actor, secret = log_in(self._services, name, password, client)
        return Guest(actor, use_case, secret, True)

    def welcome(self, guest: Guest) -> bool:
        """Is the guest who they were: token not revoked or expired, account still there with the same roles?"""
        if guest.secret is None:
            return True
        try:
            return bool(self._services.identity.by_token(guest.secret, at=dt.datetime.now(dt.UTC)) == guest.actor)
        except NotAuthenticated:
            return False

    def leave(self, guest: Guest) -> None:
        """End the session that was made for a password."""
        if guest.by_password and guest.secret is not None:
            self._services.identity.revoke_secret(guest.secret)
