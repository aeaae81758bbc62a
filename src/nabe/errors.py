"""Every error Nabe raises on purpose, in one tree.

    NabeError
    ├── Invalid            400  the question or document is wrong; names field, value and what would be right
    ├── Unknown            404  no such thing, or the asker may not know that it exists
    ├── NotAuthenticated   401  credentials missing or wrong
    ├── Denied             403  decided against, with reasons
    ├── Conflict           409  somebody else changed it meanwhile, or it exists already
    ├── LimitExceeded      413  over a declared limit (rows, memory, a silo's budget); says which and how to narrow
    ├── TimedOut           504  the question took longer than allowed
    ├── TooManyRequests    429  slowed down (log-in guessing)
    ├── SourceUnavailable  503  a silo does not answer now; transient, trying again may help
    └── SourceRefused      502  a silo answers, but not with this; final until its owner acts

A wire format maps `status` and `code`; `detail` is English, the portal translates `error.<code>` with `params`.
Never put data values of a silo, connection strings or secrets into an error.
"""

from __future__ import annotations

from typing import Any, ClassVar


class NabeError(Exception):
    """Root of all expected errors.

    `detail` says what is wrong in one English sentence, `hint` what to do about it,
    `params` are the named parts of the sentence (JSON-able, no secrets).
    """

    status: ClassVar[int] = 500
    code: str = "internal"

    def __init__(self, detail: str, *, hint: str = "", code: str | None = None, **params: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.params = params
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.detail} {self.hint}".strip()


class Invalid(NabeError):
    status = 400
    code = "invalid"


class Unknown(NabeError):
    status = 404
    code = "unknown"


class NotAuthenticated(NabeError):
    status = 401
    code = "not-authenticated"


class Denied(NabeError):
    """`reasons` are the verdicts' reason keys with their parameters, ready for explanation."""

    status = 403
    code = "denied"

    def __init__(
        self, detail: str, *, reasons: tuple[tuple[str, dict[str, Any]], ...] = (), hint: str = "", **params: Any
    ):
        super().__init__(detail, hint=hint, **params)
        self.reasons = reasons


class Conflict(NabeError):
    status = 409
    code = "conflict"


class LimitExceeded(NabeError):
    status = 413
    code = "limit-exceeded"


class TimedOut(NabeError):
    status = 504
    code = "timed-out"


class TooManyRequests(NabeError):
    """`retry_after` in seconds."""

    status = 429
    code = "too-many-requests"

    def __init__(self, detail: str, *, retry_after: float, hint: str = "", **params: Any) -> None:
        super().__init__(detail, hint=hint, retry_after=retry_after, **params)
        self.retry_after = retry_after


class SourceUnavailable(NabeError):
    """Transient. `system` is the id of the silo that failed; `where` its host and port or address, for the operator's
    terminal and log only: who asks over HTTP has no business in the city's inner network.
    """

    status = 503
    code = "source-unavailable"

    def __init__(self, system: str, why: str, *, hint: str = "", where: str = "", **params: Any) -> None:
        super().__init__(f"System {system!r} does not answer: {why}", hint=hint, system=system, why=why, **params)
        self.system, self.where = system, where


class SourceRefused(NabeError):
    """Final. `system` is the id of the silo; the hint names what its owner must do; `where` as above."""

    status = 502
    code = "source-refused"

    def __init__(self, system: str, why: str, *, hint: str = "", where: str = "", **params: Any) -> None:
        super().__init__(f"System {system!r} refused: {why}", hint=hint, system=system, why=why, **params)
        self.system, self.where = system, where
