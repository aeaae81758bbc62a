"""Local accounts, sessions and tokens in a relational database."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
from threading import Lock

import msgspec
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nabe.errors import Invalid, NotAuthenticated, TooManyRequests
from nabe.model.party import Actor, Role
from nabe.ports.identity import Token
from nabe.stores.relational.database import Transaction
from nabe.stores.relational.tables import ACCOUNT, ATTEMPT, TOKEN

#: Wrong guesses of a name or from a client before log-in slows down; then the wait doubles with each.
FREE_GUESSES = 5
_LONGEST_WAIT_S = 900.0
_FORGET_AFTER = dt.timedelta(hours=1)
#: A token seen this lately is trusted without looking it up; revoking in this process ends it at once.
_TRUST_S = 5.0
_SHORTEST_PASSWORD = 8


class RelationalIdentity:
    """Passwords as argon2id, tokens as sha256 (they are random and long, so a slow hash gains nothing)."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._trusted: dict[str, tuple[float, Actor, dt.datetime | None]] = {}
        self._lock = Lock()

    def put_account(self, actor: Actor, password: str | None) -> None:
        """Create or change an account."""
        if password is not None and len(password) < _SHORTEST_PASSWORD:
            raise Invalid(f"A password needs at least {_SHORTEST_PASSWORD} characters.", field="password")
        digest = self._hasher.hash(password) if password is not None else None
        with Transaction(self._engine) as connection:
            old = connection.execute(sa.select(ACCOUNT.c.password).where(ACCOUNT.c.id == actor.id)).one_or_none()
            connection.execute(sa.delete(ACCOUNT).where(ACCOUNT.c.id == actor.id))
            kept = digest if password is not None else (old.password if old else None)
            connection.execute(sa.insert(ACCOUNT).values(id=actor.id, body=_encode(actor), password=kept))
        self._distrust()

    def accounts(self) -> list[Actor]:
        """All accounts, by id."""
        with self._engine.connect() as connection:
            return [_decode(row.body) for row in connection.execute(sa.select(ACCOUNT.c.body).order_by(ACCOUNT.c.id))]

    def by_password(self, name: str, password: str, *, client: str, at: dt.datetime) -> Actor:
        """Log in; as slow for an unknown name as for a wrong password."""
        keys = (f"name:{name[:200]}", f"client:{client[:200]}")
        self._slow_down(keys, at)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(ACCOUNT).where(ACCOUNT.c.id == name)).one_or_none()
        known = row.password if row is not None and row.password else self._nobody
        try:
            fits = self._hasher.verify(known, password) and known != self._nobody
        except (VerificationError, InvalidHashError):
            fits = False
        if not fits or row is None:
            self._count(keys, at)
            raise NotAuthenticated("Name or password is wrong.")
        with Transaction(self._engine) as connection:
            connection.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.key == keys[0]))
            if self._hasher.check_needs_rehash(known):
                better = self._hasher.hash(password)
                connection.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == name).values(password=better))
        return _decode(row.body)

    def _slow_down(self, keys: tuple[str, ...], at: dt.datetime) -> None:
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(ATTEMPT).where(ATTEMPT.c.key.in_(keys))).all()
        for row in rows:
            last = dt.datetime.fromisoformat(row.last)
            if row.failures < FREE_GUESSES or at - last > _FORGET_AFTER:
                continue
            wait = min(2.0 ** (row.failures - FREE_GUESSES), _LONGEST_WAIT_S) - (at - last).total_seconds()
            if wait > 0:
                raise TooManyRequests(
                    "Too many wrong log-ins.", retry_after=wait, hint=f"Try again in {int(wait) + 1} seconds."
                )

    def _count(self, keys: tuple[str, ...], at: dt.datetime) -> None:
        with Transaction(self._engine) as connection:
            for key in keys:
                row = connection.execute(sa.select(ATTEMPT).where(ATTEMPT.c.key == key)).one_or_none()
                fresh = row is None or at - dt.datetime.fromisoformat(row.last) > _FORGET_AFTER
                failures = 1 if row is None or fresh else row.failures + 1
                connection.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.key == key))
                connection.execute(sa.insert(ATTEMPT).values(key=key, failures=failures, last=at.isoformat()))

    def by_token(self, secret: str, *, at: dt.datetime) -> Actor:
        """Whose token or session is this?"""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        trusted = self._trusted.get(digest)
        if trusted is not None and time.monotonic() < trusted[0] and (trusted[2] is None or at < trusted[2]):
            return trusted[1]
        query = sa.select(TOKEN, ACCOUNT.c.body.label("account")).join(ACCOUNT, ACCOUNT.c.id == TOKEN.c.actor)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(TOKEN.c.secret == digest)).one_or_none()
        expires = dt.datetime.fromisoformat(row.expires) if row is not None and row.expires else None
        if row is None or (expires is not None and at >= expires):
            raise NotAuthenticated("The token is not known or has expired.", hint="Log in again or make a new token.")
        actor = _decode(row.account)
        if row.roles is not None:
            narrowed = actor.roles & frozenset(Role(role) for role in row.roles.split())
            actor = Actor(actor.id, actor.name, actor.organisation, narrowed)
        self._note_use(row.id, row.last_used, at)
        with self._lock:
            if len(self._trusted) > 10_000:
                self._trusted.clear()
            self._trusted[digest] = (time.monotonic() + _TRUST_S, actor, expires)
        return actor

    def _note_use(self, id: str, last_used: str | None, at: dt.datetime) -> None:
        """Once an hour is enough to see which tokens are still needed."""
        if last_used is not None and at - dt.datetime.fromisoformat(last_used) < _FORGET_AFTER:
            return
        with Transaction(self._engine) as connection:
            connection.execute(sa.update(TOKEN).where(TOKEN.c.id == id).values(last_used=at.isoformat()))

    def create_token(
        self,
        actor: str,
        name: str,
        *,
        at: dt.datetime,
        expires: dt.datetime | None,
        roles: frozenset[Role] | None = None,
    ) -> tuple[Token, str]:
        """A new token and its secret."""
        id, secret = secrets.token_hex(6), f"nabe_{secrets.token_urlsafe(32)}"
        with Transaction(self._engine) as connection:
            if connection.execute(sa.select(ACCOUNT.c.id).where(ACCOUNT.c.id == actor)).one_or_none() is None:
                raise Invalid(f"There is no account {actor!r}.", field="actor")
            connection.execute(
                sa.insert(TOKEN).values(
                    id=id,
                    secret=hashlib.sha256(secret.encode()).hexdigest(),
                    actor=actor,
                    name=name,
                    roles=None if roles is None else " ".join(sorted(roles)),
                    created=at.isoformat(),
                    expires=expires.isoformat() if expires else None,
                )
            )
        return Token(id, actor, name, at, expires), secret

    def tokens(self, actor: str) -> list[Token]:
        """Tokens and sessions of an account, newest first."""
        query = sa.select(TOKEN).where(TOKEN.c.actor == actor).order_by(TOKEN.c.created.desc())
        with self._engine.connect() as connection:
            return [
                Token(row.id, row.actor, row.name, _time(row.created), _maybe(row.expires), _maybe(row.last_used))
                for row in connection.execute(query)
            ]

    def revoke(self, token_id: str) -> None:
        """End a token or session."""
        with Transaction(self._engine) as connection:
            connection.execute(sa.delete(TOKEN).where(TOKEN.c.id == token_id))
        self._distrust()

    def revoke_secret(self, secret: str) -> None:
        """End the token or session with this secret."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        with Transaction(self._engine) as connection:
            connection.execute(sa.delete(TOKEN).where(TOKEN.c.secret == digest))
        self._distrust()

    def _distrust(self) -> None:
        with self._lock:
            self._trusted.clear()


def _encode(actor: Actor) -> str:
    return msgspec.json.encode(actor, order="deterministic").decode()


def _decode(body: str) -> Actor:
    return msgspec.json.decode(body, type=Actor)


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _maybe(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
