"""Attachments of a mailbox as files: whose mails count, which attachments they bring, and what was left out and why.

Nothing of a mail is ever executed or unpacked here, and nothing is taken over from it but an attachment's bytes. The
mailbox stays the truth: what is kept on this machine is an index and copies that can be made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Protocol

from nabe.adapters.file.remote.copies import Copy, Fetched, RemoteFile, too_large
from nabe.adapters.file.remote.walk import fits, is_pattern, sound, vetted
from nabe.errors import NabeError, SourceRefused, SourceUnavailable

_LOG = logging.getLogger("nabe.silos")
#: Mails that are looked at, the latest first; and parts of one mail.
MOST_MAILS = 5_000
_MOST_PARTS = 200


@dataclass(frozen=True, slots=True)
class Head:
    """A mail as its box tells of it. `id` names it for good in this box; `date` in seconds since 1970."""

    id: str
    size: int
    date: float
    sender: tuple[str, ...]
    subject: str


class Visit(Protocol):
    """An open mailbox."""

    def heads(self) -> Iterator[Head]:
        """Mails, the latest first."""

    def content(self, id: str) -> bytes:
        """A whole mail."""

    def done(self, ids: list[str]) -> None:
        """Mark or move mails whose attachments are files now, as configured."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Whose mails count: `senders` are addresses (`a@b.de`) or domains (`b.de`, `@b.de`); `subject` a pattern."""

    senders: tuple[str, ...]
    subject: str = ""
    most_bytes: int = 0

    def refusal(self, head: Head) -> str:
        """Why a mail does not count; empty if it does. One with several senders is nobody's."""
        if len(head.sender) != 1:
            return "it names no sender, or several"
        address = head.sender[0].lower()
        if not any(_accepted(address, item.lower()) for item in self.senders):
            return "its sender is not among the senders"
        if self.subject and not re.search(self.subject, head.subject[:500], re.IGNORECASE):
            return "its subject does not fit"
        # What is attached grows by a third on its way.
        return f"it is larger than {self.most_bytes // 1_000_000} MB" if head.size > self.most_bytes * 1.4 else ""


def _accepted(address: str, rule: str) -> bool:
    name, _, domain = address.rpartition("@")
    return bool(name) and (address == rule if "@" in rule.lstrip("@") else domain == rule.lstrip("@"))


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment of a mail: `part` is its number there."""

    mail: str
    part: int
    name: str
    size: int
    date: float
    digest: str


class Mailbox:
    """The attachments of a mailbox. `visit` opens it; `index` is a file of our own that saves asking twice."""

    def __init__(
        self, system: str, rules: Rules, visit: Callable[[], AbstractContextManager[Visit]], index: Path
    ) -> None:
        self._system, self._rules, self._visit, self._index = system, rules, visit, index
        self._lock = threading.Lock()
        self._told: set[str] = set()

    @contextmanager
    def session(self) -> Iterator[_Session]:
        """Open the mailbox for one visit."""
        with self._lock, self._visit() as box:
            session = _Session(self._system, self._rules, box, self._read())
            session.look()
            self._write(session.seen)
            self._tell(session.refused)
            yield session
            try:
                box.done(sorted(session.used))
            except NabeError as error:  # the files are there all the same
                self._tell(session.refused | {"marking mails": error.detail})

    def check(self) -> None:
        """Does it answer and let us in?"""
        with self._visit() as box:
            next(box.heads(), None)

    def close(self) -> None:
        """Nothing stays open between visits."""

    def notes(self) -> list[str]:
        """What was left out at the last visit, in plain English, without names of people."""
        return sorted(self._told)[:20]

    def _tell(self, refused: dict[str, str]) -> None:
        told = {f"{where}: {why}; left out." for where, why in refused.items()}
        for line in sorted(told - self._told)[:20]:
            _LOG.warning("mailbox of %s: %s", self._system, line)
        self._told = told

    def _read(self) -> dict[str, list[Attachment]]:
        try:
            read = json.loads(self._index.read_text("utf-8"))
            return {mail: [Attachment(**item) for item in items] for mail, items in read.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, seen: dict[str, list[Attachment]]) -> None:
        draft = self._index.with_suffix(f".{os.getpid()}.part")
        try:
            self._index.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(
                json.dumps({mail: [asdict(item) for item in items] for mail, items in seen.items()}), "utf-8"
            )
            os.replace(draft, self._index)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "writing failed"
            raise SourceUnavailable(self._system, f"its index cannot be kept ({why}).") from None


class _Session:
    """A visit: the index brought up to date, then files as they are asked for."""

    def __init__(self, system: str, rules: Rules, box: Visit, known: dict[str, list[Attachment]]) -> None:
        self._system, self._rules, self._box, self._known = system, rules, box, known
        self.seen: dict[str, list[Attachment]] = {}
        self.refused: dict[str, str] = {}
        self.used: set[str] = set()
        self._open: tuple[str, EmailMessage] | None = None

    def look(self) -> None:
        """Which attachments there are. A mail is read whole once; after that the index knows."""
        for number, head in enumerate(self._box.heads()):
            if number >= MOST_MAILS:
                self.refused["mails"] = f"only the latest {MOST_MAILS} are looked at"
                break
            why = self._rules.refusal(head)
            if why:
                self.refused[f"mail {head.id}"] = why
                continue
            if head.id not in self._known:
                self._known[head.id] = self._attachments(head)
            self.seen[head.id] = self._known[head.id]

    def find(self, path: str) -> list[RemoteFile]:
        """The latest attachment of each name that fits."""
        path = vetted(self._system, path)
        latest: dict[str, Attachment] = {}
        for items in self.seen.values():
            for item in items:
                if (fits(item.name, path) if is_pattern(path) else item.name == path) and (
                    item.name not in latest or item.date > latest[item.name].date
                ):
                    latest[item.name] = item
        if not latest:
            left = f" {len(self.refused)} mails were left out, see the log." if self.refused else ""
            raise SourceRefused(
                self._system, f"no attachment is named {path!r}.{left}", hint="Check source.path and the senders."
            )
        self.used |= {item.mail for item in latest.values()}
        return [
            RemoteFile(f"{item.mail}/{item.part}/{item.digest}", name, name, item.digest, item.size, item.date)
            for name, item in sorted(latest.items())
        ]

    def fetch(self, file: RemoteFile, known: Copy | None, draft: Path) -> Fetched | None:
        """The attachment's bytes."""
        mail, part, digest = file.key.rsplit("/", 2)
        if self._open is None or self._open[0] != mail:
            self._open = (mail, parsed(self._box.content(mail)))
        for number, _, body in attachments(self._open[1]):
            if number == int(part) and hashlib.sha256(body).hexdigest() == digest:
                if len(body) > self._rules.most_bytes:
                    raise too_large(self._system, repr(file.shown), self._rules.most_bytes)
                draft.write_bytes(body)
                return Fetched()
        raise SourceUnavailable(self._system, f"{file.shown}: its mail is gone.", hint="Try again.", file=file.shown)

    def _attachments(self, head: Head) -> list[Attachment]:
        found = []
        try:
            message = parsed(self._box.content(head.id))
            for number, name, body in attachments(message):
                if not sound(name):
                    self.refused[f"mail {head.id}, attachment {number}"] = "its name is no file name"
                elif len(body) > self._rules.most_bytes:
                    self.refused[f"mail {head.id}, attachment {number}"] = (
                        f"it is larger than {self._rules.most_bytes // 1_000_000} MB"
                    )
                else:
                    digest = hashlib.sha256(body).hexdigest()
                    found.append(Attachment(head.id, number, name, len(body), head.date, digest))
        except _BROKEN:
            self.refused[f"mail {head.id}"] = "it cannot be read"
        return found


#: What the standard library's parser raises at mails that are none, or nested without end.
_BROKEN = (MessageError, ValueError, LookupError, RecursionError, AttributeError, TypeError, AssertionError)


def parsed(raw: bytes) -> EmailMessage:
    """A mail."""
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


def attachments(message: EmailMessage) -> Iterator[tuple[int, str, bytes]]:
    """Number, file name and bytes of each attachment; mails inside a mail are not opened."""
    for number, part in enumerate(_parts(message)):
        name = part.get_filename()
        if number >= _MOST_PARTS:
            return
        if not name or part.is_multipart() or part.get_content_maintype() == "message":
            continue
        body = part.get_payload(decode=True)
        if isinstance(body, bytes):
            yield number, re.split(r"[/\\]", name)[-1].strip(), body


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        yield part
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting += [item for item in part.get_payload() if isinstance(item, EmailMessage)]


def head_of(id: str, size: int, date: float, raw: bytes) -> Head:
    """Sender and subject out of a mail's header; what cannot be read is nobody's mail."""
    try:
        message = BytesParser(policy=policy.default).parsebytes(raw, headersonly=True)
        sender = tuple(item.addr_spec for given in message.get_all("from", []) for item in given.addresses)
        subject = str(message.get("subject", ""))
    except _BROKEN:
        sender, subject = (), ""
    return Head(id, size, date, sender, subject)
