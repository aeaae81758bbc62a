"""Values that look like personal data: tests on single values, exact where the format has a check digit."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import Any

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:\+|00)[1-9][\d \-/().]{6,20}|\(?0[1-9]\d{1,4}\)?\s*[-/ ]\s*\d[\d \-/]{3,14}")
_PLATE = re.compile(r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[- ]?[1-9]\d{0,3}[EH]?")
_NAME = r"[A-ZÄÖÜ][^\W\d_]+(?:-[A-ZÄÖÜ][^\W\d_]+)?"
_SHAPE = re.compile(rf"{_NAME}(?:, | (?:von |van |de |el |al )?| {_NAME} ){_NAME}")
_WORD = re.compile(r"[^\W\d_]+\.?(?:[^\W\d_]+)?|&")


@cache
def tables() -> dict[str, Any]:
    """The declarations of `personal.toml`."""
    return tomllib.loads((files("nabe.profile") / "personal.toml").read_text("utf-8"))


def is_email(text: str) -> bool:
    """An e-mail address and nothing else."""
    return "@" in text and bool(_EMAIL.fullmatch(text))


def is_office_mail(text: str) -> bool:
    """An e-mail address of an office (`info@…`, `poststelle@…`), not of a person."""
    local = text.split("@")[0].lower()
    parts = re.split(r"[._\-\d]+", local)
    return any(part in _mailboxes() for part in parts if part)


def is_phone(text: str) -> bool:
    """A telephone number with its area code; digits alone could be any key, so a sign must divide or begin them."""
    return bool(_PHONE.fullmatch(text)) and 7 <= sum(char.isdigit() for char in text) <= 15


def is_iban(text: str) -> bool:
    """An IBAN with right check digits (ISO 13616, modulo 97)."""
    plain = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", plain) or (plain[:2] == "DE" and len(plain) != 22):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_tax_id(text: str) -> bool:
    """A German tax identification number (§ 139b AO): 11 digits, one repeated, check digit by ISO 7064 MOD 11,10."""
    plain = text.replace(" ", "")
    if not re.fullmatch(r"[1-9]\d{10}", plain):
        return False
    repeats = sorted(Counter(plain[:10]).values(), reverse=True)
    if repeats[0] not in (2, 3) or (len(repeats) > 1 and repeats[1] > 1):
        return False
    product = 10
    for char in plain[:10]:
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(plain[10])


def is_ip(text: str) -> bool:
    """An IPv4 or IPv6 address."""
    if text.count(".") != 3 and text.count(":") < 2:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_plate(text: str) -> bool:
    """A German number plate: `K-AB 1234`."""
    return bool(_PLATE.fullmatch(text))


def is_institution(text: str) -> bool:
    """Does a word say that this is an institution, street or place?"""
    words = [word.lower().rstrip(".") for word in _WORD.findall(text)]
    return any(word in _short_ends() or word.endswith(_long_ends()) for word in words)


def is_person(text: str) -> bool:
    """One to four words, among them a frequent first name, and none of an institution: `Sabine Müller`."""
    if any(char.isdigit() for char in text):
        return False
    words = [word.lower() for word in re.split(r"[ ,\-]+", text.strip()) if word]
    return 1 <= len(words) <= 5 and any(word in _first_names() for word in words) and not is_institution(text)


def is_shaped_like_a_person(text: str) -> bool:
    """Two or three words with capitals and none of an institution or place: `Nguyen Thi Lan`, `Oduya, Grace`."""
    return bool(_SHAPE.fullmatch(text)) and not is_institution(text)


#: Category -> (test, share of different values from which on the column is suspected).
TESTS = (
    ("email", is_email, 0.3),
    ("iban", is_iban, 0.3),
    ("tax_id", is_tax_id, 0.8),
    ("phone", is_phone, 0.5),
    ("address_ip", is_ip, 0.8),
    ("plate", is_plate, 0.7),
)


@cache
def _first_names() -> frozenset[str]:
    return frozenset(tables()["names"]["first"])


@cache
def _mailboxes() -> frozenset[str]:
    return frozenset(tables()["institution"]["mailboxes"])


@cache
def _short_ends() -> frozenset[str]:
    return frozenset(word.rstrip(".") for word in tables()["institution"]["values"])


@cache
def _long_ends() -> tuple[str, ...]:
    """Only longer words end compounds: `Realschule`, but `Anne` does not end in `ne`."""
    return tuple(word for word in _short_ends() if len(word) >= 4)
