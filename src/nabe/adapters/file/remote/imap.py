"""A mailbox over IMAP with TLS (RFC 9051): read-only unless mails are to be marked; every answer within limits."""

from __future__ import annotations

import datetime as dt
import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from nabe.adapters.file.remote.mail import MOST_MAILS, Head, head_of
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound import Watch

PORT = 993
_HEADS_AT_ONCE = 200
_UID = re.compile(rb"UID (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
#: Response codes of a server in trouble (RFC 5530).
_TRANSIENT = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\]")
_DATE = re.compile(rb'INTERNALDATE "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Account:
    """Who reads which folder. `after`: keep | seen | move; `move_to`: the folder for mails that were taken up."""

    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    after: str = "keep"
    move_to: str = ""


class Imap:
    """Visits to one mailbox. `dial` gives a connection to its judged address."""

    def __init__(
        self,
        system: str,
        host: str,
        *,
        dial: Callable[[], socket.socket],
        account: Callable[[], Account],
        most_bytes: int,
        timeout_s: float,
    ) -> None:
        self._system, self._host, self._dial, self._account = system, host, dial, account
        self._most_bytes, self._timeout_s = most_bytes, timeout_s

    @contextmanager
    def __call__(self) -> Iterator[_Visit]:
        """Log in, look, log out."""
        account = self._account()
        try:
            with _logged_out(_Connection(self._host, self._dial, self._most_bytes * 2, self._timeout_s)) as imap:
                try:
                    imap.login(account.user, account.password)
                except imaplib.IMAP4.abort:
                    raise
                except imaplib.IMAP4.error:
                    raise SourceRefused(
                        self._system, "the mail server refuses the log-in.", hint="Check user and password."
                    ) from None
                yield _Visit(self._system, imap, account)
        except ssl.SSLCertVerificationError:
            raise self._unavailable("its certificate is not valid") from None
        except TimeoutError:
            raise self._unavailable("it does not answer in time") from None
        except (OSError, imaplib.IMAP4.error, EOFError):
            raise self._unavailable("the connection broke") from None

    def _unavailable(self, why: str) -> SourceUnavailable:
        return SourceUnavailable(self._system, f"the mail server: {why}.", hint="Try again later.", where=self._host)


class _Connection(imaplib.IMAP4):
    """IMAP over TLS to a judged address, with a deadline and a bound on what one answer may hold."""

    def __init__(self, host: str, dial: Callable[[], socket.socket], most_bytes: int, timeout_s: float) -> None:
        self._dialled, self._most_bytes = dial, most_bytes
        self._timeout_s = timeout_s
        super().__init__(host, PORT)

    def _create_socket(self, timeout: Any) -> socket.socket:
        plain = self._dialled()
        try:
            made = ssl.create_default_context().wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            self._watch = Watch(made, self._timeout_s)
            made.do_handshake()
        except BaseException:
            plain.close()
            raise
        return made

    def renew(self) -> None:
        """What came so far was of use: the time for the rest runs anew."""
        self._watch.renew()

    def read(self, size: int) -> bytes:
        """A literal, in pieces."""
        if size > self._most_bytes:
            raise imaplib.IMAP4.abort("too large")
        pieces, left = [], size
        while left > 0:
            piece = self.file.read1(min(left, 65_536))  # type: ignore[union-attr]  # a buffered reader
            if not piece:
                raise imaplib.IMAP4.abort("broke off")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def close_watch(self) -> None:
        """The visit is over."""
        self._watch.close()


@contextmanager
def _logged_out(imap: _Connection) -> Iterator[_Connection]:
    """Log out at the end, whatever the other side thinks of it."""
    try:
        yield imap
    finally:
        with suppress(OSError, imaplib.IMAP4.error, EOFError):
            imap.logout()
        with suppress(OSError):
            imap.shutdown()
        imap.close_watch()


class _Visit:
    """An open mailbox: the folder, and the one for mails that were taken up; ids are `validity.uid` in their folder."""

    def __init__(self, system: str, imap: _Connection, account: Account) -> None:
        self._system, self._imap, self._account = system, imap, account
        self._selected: tuple[str, str] = ("", "")
        self._validity: dict[str, str] = {}

    def heads(self) -> Iterator[Head]:
        """Mails of both folders, the latest first."""
        folders = [self._account.folder, *([self._account.move_to] if self._account.after == "move" else [])]
        found: list[Head] = []
        for number, folder in enumerate(folders):
            validity = self._select(folder, must=number == 0)
            if validity:
                found += self._heads(number, validity)
        yield from sorted(found, key=lambda head: -head.date)

    def content(self, id: str) -> bytes:
        """A whole mail, unmarked."""
        uid = self._enter(id)
        answer = self._command("fetch", uid, "(BODY.PEEK[])")
        return next((item[1] for item in answer if isinstance(item, tuple)), b"")

    def done(self, ids: list[str]) -> None:
        """Mark as seen, or move, mails of the first folder."""
        if self._account.after == "keep":
            return
        for id in ids:
            if not id.startswith("0."):
                continue
            uid = self._enter(id, write=True)
            if self._account.after == "seen":
                self._command("store", uid, "+FLAGS.SILENT", r"(\Seen)")
            elif "MOVE" in self._imap.capabilities:
                self._command("move", uid, _quoted(self._account.move_to))
            else:
                self._command("copy", uid, _quoted(self._account.move_to))
                self._command("store", uid, "+FLAGS.SILENT", r"(\Deleted)")
                self._imap.expunge()

    def _heads(self, folder: int, validity: str) -> list[Head]:
        uids = self._command("search", "ALL")[0]
        latest = sorted((int(uid) for uid in (uids or b"").split()), reverse=True)[:MOST_MAILS]
        found = []
        for at in range(0, len(latest), _HEADS_AT_ONCE):
            some = ",".join(map(str, latest[at : at + _HEADS_AT_ONCE]))
            wanted = "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])"
            for item in self._command("fetch", some, wanted):
                if isinstance(item, tuple) and (uid := _UID.search(item[0])):
                    size, date = _SIZE.search(item[0]), _DATE.search(item[0])
                    moment = _moment(date[1]) if date else 0.0
                    found.append(
                        head_of(f"{folder}.{validity}.{int(uid[1])}", int(size[1]) if size else 0, moment, item[1])
                    )
        return found

    def _enter(self, id: str, write: bool = False) -> str:
        number, validity, uid = id.split(".")
        folder = self._account.move_to if number == "1" else self._account.folder
        if self._select(folder, must=True, write=write) != validity:
            raise SourceUnavailable(self._system, "the mailbox was made anew meanwhile.", hint="Try again.")
        return uid

    def _select(self, folder: str, *, must: bool, write: bool = False) -> str:
        """Open a folder; its validity. A folder that is only to be may be missing."""
        wanted = (folder, "w" if write else "r")
        if self._selected != wanted:
            kind, said = self._imap.select(_quoted(folder), readonly=not write)
            if kind != "OK" and _TRANSIENT.search(repr(said)):
                raise SourceUnavailable(self._system, "the mail server has trouble with its mailbox.", hint="Later.")
            self._selected = wanted if kind == "OK" else ("", "")
            if kind != "OK":
                if must:
                    raise SourceRefused(self._system, f"the mailbox has no folder {folder!r}.", hint="Correct it.")
                if self._imap.create(_quoted(folder))[0] != "OK":
                    raise SourceRefused(self._system, f"the folder {folder!r} cannot be made.", hint="Make it there.")
                return ""
        found = (self._imap.response("UIDVALIDITY")[1] or [None])[0]
        if isinstance(found, bytes) and found.isdigit():  # handed out once for each time a folder is opened
            self._validity[folder] = found.decode("ascii")
        return self._validity.get(folder, "")

    def _command(self, name: str, *arguments: str) -> list[Any]:
        kind, answer = self._imap.uid(name, *arguments)
        if kind != "OK":
            raise SourceRefused(self._system, f"the mail server refuses to {name}.", hint="Check the account's rights.")
        self._imap.renew()
        return answer


def _quoted(folder: str) -> str:
    """A folder's name as a quoted string in modified UTF-7 (RFC 3501, 5.1.3)."""
    coded = re.sub(r"&|[^\x20-\x7e]+", _utf7, re.sub(r"[\x00-\x1f\x7f]", "", folder))  # no line of our own making
    return '"' + coded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _utf7(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    return match[0].encode("utf-7").decode("ascii").replace("+", "&", 1).replace("/", ",")


def _moment(text: bytes) -> float:
    try:
        return dt.datetime.strptime(text.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()
    except ValueError:
        return 0.0
