"""Local accounts, sessions and tokens in a relational database."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import time
from contextlib import suppress
from threading import Lock

import msgspec
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nabe.errors import Invalid, NotAuthenticated, SourceUnavailable
from nabe.model.party import Actor, Role
from nabe.ports.identity import Token
from nabe.stores.relational.database import reading, writing
from nabe.stores.relational.guessing import Guessing, moment
from nabe.stores.relational.tables import ACCOUNT, TOKEN

#: A token seen this lately is trusted without looking it up: revoking in this process ends it at once, in another
#: process (the command line) within this time.
_TRUST_S = 5.0
_MOST_TRUSTED = 10_000
_NOTE_USE_EVERY = dt.timedelta(hours=1)
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 8, 1000
_ACCOUNT_ID = re.compile(r"[^\W_][\w.@+-]{0,99}")
_SECRET = re.compile(r"nabe_([0-9a-f]{12})_[A-Za-z0-9_-]{20,100}")


class RelationalIdentity:
    """Passwords as argon2id, tokens as sha256 (they are random and long, so a slow hash gains nothing)."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._guessing = Guessing(engine)
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._trusted: dict[str, tuple[float, Actor, dt.datetime | None]] = {}
        self._distrusted = 0
        self._lock = Lock()

    def put_account(self, actor: Actor, password: str | None) -> None:
        """Create or change an account. `Invalid` for an id or a password that will not do."""
        if not _ACCOUNT_ID.fullmatch(actor.id):
            hint = "Letters, digits and . @ + - _ are possible, at most 100, a letter or digit first."
            raise Invalid(f"{actor.id!r} is no name for an account.", hint=hint, field="id")
        if password is not None and not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
            raise Invalid(f"A password needs {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters.", field="password")
        digest = self._hasher.hash(_bytes(password)) if password is not None else None
        with writing(self._engine) as connection:
            old = connection.execute(sa.select(ACCOUNT.c.password).where(ACCOUNT.c.id == actor.id)).one_or_none()
            connection.execute(sa.delete(ACCOUNT).where(ACCOUNT.c.id == actor.id))
            kept = digest if password is not None else (old.password if old else None)
            connection.execute(sa.insert(ACCOUNT).values(id=actor.id, body=_encode(actor), password=kept))
            if password is not None:
                # Whoever changes a password wants nobody else to go on with what the old one opened.
                sessions = (TOKEN.c.actor == actor.id) & (TOKEN.c.name == "session")
                connection.execute(sa.delete(TOKEN).where(sessions))
        self._distrust()

    def remove_account(self, id: str) -> None:
        """End an account with all its tokens and sessions; unknown ids are ignored."""
        with writing(self._engine) as connection:
            connection.execute(sa.delete(TOKEN).where(TOKEN.c.actor == id))
            connection.execute(sa.delete(ACCOUNT).where(ACCOUNT.c.id == id))
        self._distrust()

    def accounts(self) -> list[Actor]:
        """All accounts, by id."""
        with reading(self._engine) as connection:
            return [_decode(row.body) for row in connection.execute(sa.select(ACCOUNT.c.body).order_by(ACCOUNT.c.id))]

    def by_password(self, name: str, password: str, *, client: str, at: dt.datetime) -> Actor:
        """Log in; as slow for an unknown name as for a wrong password."""
        attempt = self._guessing.begin(name, client, at)
        row = None
        if _ACCOUNT_ID.fullmatch(name):
            with reading(self._engine) as connection:
                row = connection.execute(sa.select(ACCOUNT).where(ACCOUNT.c.id == name)).one_or_none()
        known = row.password if row is not None and row.password else self._nobody
        try:
            fits = self._hasher.verify(known, _bytes(password[: _LONGEST_PASSWORD + 1])) and known != self._nobody
        except (VerificationError, InvalidHashError):
            fits = False
        if not fits or row is None:
            raise NotAuthenticated("Name or password is wrong.")
        attempt.succeeded()
        if self._hasher.check_needs_rehash(known):
            better = self._hasher.hash(_bytes(password))
            with writing(self._engine) as connection:
                here = (ACCOUNT.c.id == name) & (ACCOUNT.c.password == known)
                connection.execute(sa.update(ACCOUNT).where(here).values(password=better))
        return _decode(row.body)

    def by_token(self, secret: str, *, at: dt.datetime) -> Actor:
        """Whose token or session is this?"""
        digest = _digest(secret)
        trusted = self._trusted.get(digest)
        if trusted is not None and time.monotonic() < trusted[0] and (trusted[2] is None or at < trusted[2]):
            return trusted[1]
        before = self._distrusted
        row = self._token(secret, digest)
        expires = _maybe(row.expires) if row is not None else None
        if row is None or (expires is not None and at >= expires):
            raise NotAuthenticated("The token is not known or has expired.", hint="Log in again or make a new token.")
        actor = _decode(row.account)
        if row.roles is not None:
            narrowed = actor.roles & frozenset(Role(role) for role in row.roles.split())
            actor = Actor(actor.id, actor.name, actor.organisation, narrowed)
        self._note_use(row.id, row.last_used, at)
        with self._lock:
            if self._distrusted == before:  # else it may have been revoked while we looked
                if len(self._trusted) >= _MOST_TRUSTED:
                    self._trusted.clear()
                self._trusted[digest] = (time.monotonic() + _TRUST_S, actor, expires)
        return actor

    def _token(self, secret: str, digest: str) -> sa.Row[tuple[object, ...]] | None:
        shape = _SECRET.fullmatch(secret)
        if shape is None:
            return None
        query = sa.select(TOKEN, ACCOUNT.c.body.label("account")).join(ACCOUNT, ACCOUNT.c.id == TOKEN.c.actor)
        with reading(self._engine) as connection:
            row = connection.execute(query.where(TOKEN.c.id == shape[1])).one_or_none()
        return row if row is not None and hmac.compare_digest(row.secret, digest) else None

    def _note_use(self, id: str, last_used: str | None, at: dt.datetime) -> None:
        """Once an hour is enough to see which tokens are still needed; a store that is full must not lock out."""
        if last_used is not None and at - dt.datetime.fromisoformat(last_used) < _NOTE_USE_EVERY:
            return
        with suppress(SourceUnavailable), writing(self._engine) as connection:
            connection.execute(sa.update(TOKEN).where(TOKEN.c.id == id).values(last_used=moment(at)))

    def create_token(
        self,
        actor: str,
        name: str,
        *,
        at: dt.datetime,
        expires: dt.datetime | None,
        roles: frozenset[Role] | None = None,
    ) -> tuple[Token, str]:
        """A new token and its secret `nabe_<id>_<random>`, so that one that leaked is known by its id."""
        id = secrets.token_hex(6)
        secret = f"nabe_{id}_{secrets.token_urlsafe(32)}"
        name = name.encode("utf-8", "replace").decode().replace("\0", "")[:200]
        with writing(self._engine) as connection:
            if connection.execute(sa.select(ACCOUNT.c.id).where(ACCOUNT.c.id == actor)).one_or_none() is None:
                raise Invalid(f"There is no account {actor!r}.", field="actor")
            connection.execute(sa.delete(TOKEN).where(TOKEN.c.expires < moment(at)))
            connection.execute(
                sa.insert(TOKEN).values(
                    id=id,
                    secret=_digest(secret),
                    actor=actor,
                    name=name,
                    roles=None if roles is None else " ".join(sorted(roles)),
                    created=moment(at),
                    expires=moment(expires) if expires else None,
                )
            )
        return Token(id, actor, name, at, expires), secret

    def tokens(self, actor: str) -> list[Token]:
        """Tokens and sessions of an account, newest first."""
        query = sa.select(TOKEN).where(TOKEN.c.actor == actor).order_by(TOKEN.c.created.desc())
        with reading(self._engine) as connection:
            return [
                Token(
                    row.id,
                    row.actor,
                    row.name,
                    dt.datetime.fromisoformat(row.created),
                    _maybe(row.expires),
                    _maybe(row.last_used),
                )
                for row in connection.execute(query)
            ]

    def revoke(self, token_id: str) -> None:
        """End a token or session."""
        with writing(self._engine) as connection:
            connection.execute(sa.delete(TOKEN).where(TOKEN.c.id == token_id))
        self._distrust()

    def revoke_secret(self, secret: str) -> None:
        """End the token or session with this secret."""
        shape = _SECRET.fullmatch(secret)
        if shape is not None:
            with writing(self._engine) as connection:
                here = (TOKEN.c.id == shape[1]) & (TOKEN.c.secret == _digest(secret))
                connection.execute(sa.delete(TOKEN).where(here))
        self._distrust()

    def _distrust(self) -> None:
        with self._lock:
            self._distrusted += 1
            self._trusted.clear()


def _digest(secret: str) -> str:
    return hashlib.sha256(_bytes(secret)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _encode(actor: Actor) -> str:
    return msgspec.json.encode(actor, order="deterministic").decode()


def _decode(body: str) -> Actor:
    return msgspec.json.decode(body, type=Actor)


def _maybe(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
