"""Attachments of a mailbox as files: by a real IMAP server and by a Maildir; whose mails count, what is left out."""

from __future__ import annotations

import datetime as dt
import logging
import os
import shutil
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.file import FileAdapter
from nabe.adapters.file.remote import copies
from nabe.adapters.file.remote.imap import _quoted
from nabe.adapters.file.remote.mail import Head, Rules, attachments, head_of, parsed
from nabe.errors import SourceRefused, SourceUnavailable

from .servers import HOST, dovecot
from .support import context, no_secrets, open_source
from .test_elsewhere import read

FROM = "Leitung <kita@traeger.example>"


def mail(files: dict[str, str | bytes], sender: str = FROM, subject: str = "Belegung", **more: str) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "daten@stadt.example", subject
    for name, value in more.items():
        made[name] = value
    made.set_content("Anbei die Belegung.")
    for name, body in files.items():
        data = body if isinstance(body, bytes) else body.encode()
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


class Box:
    """A mailbox to put mails into; `connection` reads it."""

    def __init__(self, folder: Path, connection: dict[str, Any], server: Any = None) -> None:
        self.folder, self.connection, self.server, self._count = folder, connection, server, 0

    def put(self, raw: bytes, age_s: float = 0.0) -> None:
        self._count += 1
        path = self.folder / "new" / f"{int(time.time())}.{self._count}.test"
        draft = self.folder / "tmp" / path.name
        draft.write_bytes(raw)
        moment = time.time() - age_s
        os.utime(draft, (moment, moment))
        if os.geteuid() == 0 and self.server is not None:
            shutil.chown(draft, "nobody", "nogroup")
        os.rename(draft, path)


@pytest.fixture(params=["imaps", "maildir"])
def box(request, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "_PAUSE_S", 0.0)
    if request.param == "maildir":
        for part in ("cur", "new", "tmp"):
            (tmp_path / "post" / part).mkdir(parents=True)
        yield Box(tmp_path / "post", {"location": "maildir:post", "senders": ["traeger.example"]})
        return
    with dovecot() as (server, folder, cert):
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        connection = {"location": f"imaps://amt@{HOST}:{server.port}/INBOX", "password": "geheim"}
        yield Box(folder, connection | {"senders": ["traeger.example"]}, server)


def source(root: Path, box: Box, **more: Any) -> Any:
    return open_source(root, allow=(HOST,), **{"refresh_s": 0, **box.connection, **more})


def test_the_newest_attachment_of_a_name_is_the_file(tmp_path, box):
    box.put(mail({"belegung_2024-04.csv": "a\nApril\n", "logo.png": b"\x89PNG"}), age_s=3600)
    box.put(mail({"belegung_2024-05.csv": "a\nMai\n"}), age_s=60)
    opened = source(tmp_path, box)
    assert read(opened, "belegung_*.csv") == (["Mai"], None)
    assert read(opened, "belegung_*.csv", pick="all") == (["April", "Mai"], None)
    box.put(mail({"belegung_2024-05.csv": "a\nMai neu\n"}))
    assert read(opened, "belegung_2024-05.csv") == (["Mai neu"], None)
    assert read(opened, "belegung_*.csv") == (["Mai neu"], None)


def test_only_mails_of_accepted_senders_with_the_subject_count_and_the_rest_is_told(tmp_path, box, caplog):
    caplog.set_level(logging.WARNING)
    good = mail({"x.csv": "a\ngut\n"}, sender="kita@TRAEGER.example")
    for number, bad in enumerate(
        (
            mail({"x.csv": "a\nb1\n"}, sender="kita@boese.example"),
            mail({"x.csv": "a\nb2\n"}, sender="kita@traeger.example.boese.example"),
            mail({"x.csv": "a\nb3\n"}, sender='"kita@traeger.example" <x@boese.example>'),
            mail({"x.csv": "a\nb4\n"}, sender="x@boese.example, kita@traeger.example"),
            mail({"x.csv": "a\nb5\n"}, subject="Werbung"),
            mail({"x.csv": "a\nb6\n"}, sender="kita@boese.example")
            .replace(b"From: ", b"Authentication-Results: x; dkim=pass header.d=traeger.example\r\nFrom: "),
            good.replace(b"From:", b"From: x@boese.example\r\nFrom:"),
        )
    ):  # fmt: skip
        box.put(bad, age_s=number)
    box.put(good, age_s=1000)
    opened = source(tmp_path, box, subject="^Belegung")
    assert read(opened, "x.csv") == (["gut"], None)
    told = [record.getMessage() for record in caplog.records if record.name == "nabe.silos"]
    assert len(told) == 7 and sum("subject does not fit" in line for line in told) == 1
    assert not any("boese" in line for line in told), "addresses are personal data"
    assert read(opened, "x.csv")[0] == ["gut"] and len(caplog.records) == len(told), "told once"


def test_single_addresses_can_be_accepted(tmp_path, box):
    box.put(mail({"x.csv": "a\n1\n"}, sender="andere@traeger.example"))
    with pytest.raises(SourceRefused, match=r"no attachment is named 'x.csv'. 1 mails were left out"):
        read(source(tmp_path, box, senders=["kita@traeger.example"]), "x.csv")
    assert read(source(tmp_path, box, senders="andere@traeger.example"), "x.csv")[0] == ["1"]


def test_attachments_that_are_too_large_or_have_no_name_are_left_out(tmp_path, box, caplog):
    box.put(mail({"x.csv": "a\nalt\n"}), age_s=500)
    box.put(mail({"x.csv": "a\n" + "1\n" * 560_000}), age_s=100)
    box.put(mail({"x.csv": "a\n" + "1\n" * 900_000}), age_s=50)
    box.put(mail({"../../etc/.x.csv": "a\nboese\n"}), age_s=10)
    assert read(source(tmp_path, box, max_mb=1), "x.csv") == (["alt"], None)
    assert sum("larger than 1 MB" in record.getMessage() for record in caplog.records) == 2
    assert any("no file name" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("after", ["seen", "move"])
def test_mails_are_marked_or_moved_and_stay_readable(tmp_path, box, after):
    box.put(mail({"x.csv": "a\n1\n"}))
    box.put(mail({"werbung.pdf": b"%PDF"}, sender="x@boese.example"))
    opened = source(tmp_path, box, after=after, move_to="Übernommen" if after == "move" else "")
    assert read(opened, "x.csv") == (["1"], None)
    every = [path for path in box.folder.rglob("*") if path.is_file() and path.parent.name in ("cur", "new")]
    assert len(every) == 2, "no mail is lost"
    flags = {path.name.partition(",")[2].replace(",", "") for path in every}
    moved = [path for path in every if path.parent.parent != box.folder]
    assert len(moved) == (1 if after == "move" else 0)
    assert after == "move" or any("S" in flag for flag in flags)
    assert read(opened, "x.csv") == (["1"], None)
    assert read(source(tmp_path, box, after=after, move_to="Übernommen" if after == "move" else ""), "x.csv")[0] == [
        "1"
    ]


def test_keep_changes_nothing_in_the_mailbox(tmp_path, box):
    box.put(mail({"x.csv": "a\n1\n"}))
    assert read(source(tmp_path, box), "x.csv")[0] == ["1"]
    (path,) = [path for path in box.folder.rglob("*.test*") if path.is_file()]
    assert "S" not in path.name.partition(",")[2].replace("S=", "").replace("W=", "")


def test_when_the_mailbox_is_gone_the_last_files_are_served_and_called_stale(tmp_path, box):
    box.put(mail({"x.csv": "a\n1\n"}))
    before = dt.datetime.now(dt.UTC)
    assert read(source(tmp_path, box), "x.csv") == (["1"], None)
    if box.server is not None:
        box.server.stop()
    else:
        box.folder.rename(tmp_path / "weg")
    rows, since = read(source(tmp_path, box), "x.csv")
    assert rows == ["1"] and since is not None and abs(since - before) < dt.timedelta(seconds=30)
    with pytest.raises(SourceUnavailable):
        source(tmp_path, box).check()


def test_connect_lists_attachments_and_tells_what_was_left_out(tmp_path, box):
    box.put(mail({"x.csv": "id;name\n1;Spatzen\n", "logo.png": b"\x89PNG"}))
    box.put(mail({"y.csv": "a\n1\n"}, sender="x@boese.example"))
    probe = FileAdapter().probe(box.connection, no_secrets, context(tmp_path, allow_hosts=(HOST,)))
    assert probe.discover() == ["x.csv"]
    assert any("not among the senders; left out" in note for note in probe.describe("x.csv").notes)


def test_mail_servers_are_judged_and_their_certificates_checked(tmp_path, monkeypatch):
    with dovecot() as (server, _, cert):
        connection = {"location": f"imaps://amt@{HOST}:{server.port}", "password": "geheim", "senders": "x.de"}
        with pytest.raises(SourceRefused, match="private network"):
            open_source(tmp_path, **connection).check()
        with pytest.raises(SourceUnavailable, match="certificate is not valid"):
            open_source(tmp_path, allow=(HOST,), **connection).check()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        open_source(tmp_path, allow=(HOST,), **connection).check()
        with pytest.raises(SourceRefused, match="log-in") as caught:
            open_source(tmp_path, allow=(HOST,), **{**connection, "password": "FALSCH"}).check()
        assert "FALSCH" not in str(caught.value)
        with pytest.raises(SourceRefused, match="no folder 'Nix'"):
            where = {**connection, "location": connection["location"] + "/Nix"}
            open_source(tmp_path, allow=(HOST,), **where).check()


def test_names_of_folders_are_written_as_imap_wants_them():
    assert _quoted("Übernommen & Co") == '"&ANw-bernommen &- Co"'
    assert _quoted('x"\r\nA1 LOGOUT\r\n') == '"x\\"A1 LOGOUT"', "no folder's name is a command"
    assert _quoted('a"b\\c') == '"a\\"b\\\\c"'


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.binary(max_size=200))
def test_no_mail_brings_the_reader_down(start, rest):
    raw = start + b"\nContent-Type: multipart/mixed; boundary=x\n\n--x\n" + rest + b"\n--x--\n"
    head = head_of("1", len(raw), 0.0, raw)
    assert isinstance(Rules(("a.de",)).refusal(head), str)


def test_nested_mails_and_deep_nesting_are_not_followed():
    inner = mail({"innen.csv": "a\nx\n"})
    outer = EmailMessage()
    outer["From"] = FROM
    outer.set_content("Weitergeleitet")
    outer.add_attachment(parsed(inner))
    assert [name for _, name, _ in attachments(parsed(outer.as_bytes()))] == []
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(3000))
    try:
        list(attachments(parsed(deep)))
    except RecursionError:
        pass  # what the reader reports as a mail that cannot be read


@pytest.mark.parametrize(
    ("sender", "rules", "counts"),
    [
        (("a@b.de",), ("b.de",), True),
        (("a@b.de",), ("@b.de",), True),
        (("a@b.de",), ("A@B.de",), True),
        (("a@c.b.de",), ("b.de",), False),
        (("a@xb.de",), ("b.de",), False),
        (("b.de",), ("b.de",), False),
        (("a@b.de", "a@b.de"), ("b.de",), False),
        ((), ("b.de",), False),
        (("",), ("b.de",), False),
    ],
)
def test_whose_mails_count(sender, rules, counts):
    assert (Rules(rules, "", 10).refusal(Head("1", 1, 0, sender, "")) == "") is counts
