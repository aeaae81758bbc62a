"""Who asks: headers and parameters of a log-in, and OAuth2 tokens fetched, kept and renewed."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus, urlencode, urlsplit

from nabe.adapting.json_http.settings import Auth
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound import Client, named, short

#: A token is renewed so many seconds before its time.
_EARLY_S = 30.0
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class Login:
    """The log-in of one system, its secrets resolved when first needed."""

    def __init__(
        self,
        system: str,
        auth: Auth,
        secrets: Callable[[str], str],
        client: Callable[[str, Mapping[str, str]], Client],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system, self._auth, self._secrets, self._make, self._clock = system, auth, secrets, client, clock
        self._token, self._until = "", 0.0
        self._client: Client | None = None
        self._lock = threading.Lock()

    @property
    def renews(self) -> bool:
        """Could a log-in that was refused be renewed?"""
        return self._auth.type == "oauth2"

    def headers(self) -> dict[str, str]:
        """What to send to the system's host. Raises `SourceUnavailable`, `SourceRefused` if no token is to be had."""
        auth = self._auth
        match auth.type:
            case "bearer":
                return {"Authorization": f"Bearer {self._secrets(auth.token)}"}
            case "basic":
                return {"Authorization": _basic(self._secrets(auth.user), self._secrets(auth.password))}
            case "header":
                return {auth.name: self._secrets(auth.token)}
            case "oauth2":
                return {"Authorization": f"Bearer {self.token()}"}
        return {}

    def params(self) -> dict[str, str]:
        """What to add to addresses of the system's host."""
        return {self._auth.name: self._secrets(self._auth.token)} if self._auth.type == "query" else {}

    def token(self) -> str:
        """The token, fetched anew when its time is over; one thread fetches while others wait."""
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._token, lasts = self._fetch()
                self._until = self._clock() + max(lasts - _EARLY_S, lasts / 2)
            return self._token

    def forget(self, token: str) -> None:
        """The system did not take this token."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def close(self) -> None:
        """Free connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _fetch(self) -> tuple[str, float]:
        """A token by client credentials (RFC 6749, 4.4), and for how many seconds it holds."""
        auth, url = self._auth, self._auth.token_url
        id, secret = self._secrets(auth.client_id), self._secrets(auth.client_secret)
        form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
        headers: dict[str, str] = {}
        if auth.in_body:
            form |= {"client_id": id, "client_secret": secret}
        else:
            headers["Authorization"] = _basic(quote_plus(id), quote_plus(secret))
        if self._client is None:
            self._client = self._make(urlsplit(url).netloc, headers)
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._client.ask(url, method="POST", headers=sent, content=urlencode(form).encode())
        if answer.status in (400, 401, 403):
            answer.close()
            raise SourceRefused(
                self._system,
                f"{named(url)} gives no token ({answer.status}).",
                hint="Check auth.client_id, client_secret and scope.",
                where=short(url),
            )
        body = answer.judge().read()
        try:
            found = json.loads(body)
            token, lasts = found["access_token"], float(found.get("expires_in") or 3600)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise SourceUnavailable(
                self._system,
                f"{named(url)} answers with something else than a token.",
                hint="Check auth.token_url.",
                where=short(url),
            ) from None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not 0 < lasts < 1e9:
            raise SourceRefused(
                self._system,
                f"{named(url)} gives a token that cannot be sent.",
                hint="Ask its operator.",
                where=short(url),
            )
        return token, lasts


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
