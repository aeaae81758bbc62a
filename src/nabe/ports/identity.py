"""Who asks: accounts, sessions and tokens."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from nabe.model.party import Actor, Role


@dataclass(frozen=True, slots=True)
class Token:
    """A personal access token or a session as it may be shown; the secret is seen once, at creation."""

    id: str
    actor: str
    name: str
    created: dt.datetime
    expires: dt.datetime | None
    last_used: dt.datetime | None = None


class Identity(Protocol):
    """Times are UTC and passed in. Secrets are stored hashed (passwords argon2id, tokens sha256)."""

    def put_account(self, actor: Actor, password: str | None) -> None:
        """Create or change an account; `password` None keeps it (or none: token-only)."""

    def accounts(self) -> list[Actor]:
        """All accounts."""

    def by_password(self, name: str, password: str, *, client: str, at: dt.datetime) -> Actor:
        """Log in. `NotAuthenticated`, or `TooManyRequests` after repeated failures of this name or client."""

    def by_token(self, secret: str, *, at: dt.datetime) -> Actor:
        """Whose token or session is this? `NotAuthenticated` if none's or expired. The actor has at most the token's roles."""

    def create_token(
        self,
        actor: str,
        name: str,
        *,
        at: dt.datetime,
        expires: dt.datetime | None,
        roles: frozenset[Role] | None = None,
    ) -> tuple[Token, str]:
        """A new token and its secret (`nabe_...`). `roles` narrows those of the account."""

    def tokens(self, actor: str) -> list[Token]:
        """Tokens of an account."""

    def revoke(self, token_id: str) -> None:
        """End a token or session; unknown ids are ignored."""

    def revoke_secret(self, secret: str) -> None:
        """End the token or session with this secret (log-out)."""
