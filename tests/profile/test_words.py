"""Every message that the code uses exists in both languages, and none is left over."""

from __future__ import annotations

import re
import string
from pathlib import Path

import nabe.profile
from nabe import i18n
from nabe.profile import contents
from nabe.profile.municipal import KINDS

SOURCE = Path(nabe.profile.__file__).parent


def mine(lang: str) -> dict[str, str]:
    return {key: text for key, text in i18n.messages(lang).items() if key.startswith("profile.")}


def test_german_and_english_hold_the_same_keys_and_parameters() -> None:
    german, english = mine("de"), mine("en")
    assert german.keys() == english.keys()
    for key, text in german.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(one) if name} for one in (text, english[key])]
        assert names[0] == names[1], key


def test_every_message_is_used_and_every_used_one_exists() -> None:
    used = {
        match
        for path in SOURCE.glob("*.py")
        for match in re.findall(r'"(profile\.[a-z_.]+[a-z])"', path.read_text("utf-8"))
    }
    used |= {f"profile.municipal.{kind.id}" for kind in KINDS}
    used |= {f"profile.category.{entry['id']}" for entry in contents.tables()["category"]}
    used |= {f"profile.category.{name}" for name in ("subject", "free_text", "place", "row")}
    assert used == mine("de").keys()
