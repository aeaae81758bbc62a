"""What the profile found: one judgement each, told in German or English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import StrEnum
from typing import Any

from nabe import i18n

#: What a finding is about.
KINDS = ("unit", "key", "reference", "personal", "geometry", "time", "values", "reader")


class Severity(StrEnum):
    """`info`: done so, nothing to do. `check`: a person should look. `warning`: wrong or risky unless changed."""

    INFO = "info"
    CHECK = "check"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement. `field` is the hub name (empty: the whole table), `key` a key of `locale/*/profile.toml`.

    `params` are JSON-able: whole numbers are counts, decimals are percentages, lists are example values,
    and a text starting with `profile.` is itself a key. Year numbers and codes are passed as text.
    """

    field: str
    kind: str
    severity: Severity
    key: str
    params: Mapping[str, Any] = attribute(default_factory=dict)

    def text(self, lang: str = "de") -> str:
        """The finding as a sentence in `lang`."""
        shown = {name: _shown(value, lang) for name, value in self.params.items()}
        return i18n.t(self.key, lang, **shown)

    def document(self, lang: str = "de") -> dict[str, Any]:
        """For `--json`: all parts and the sentence."""
        return {
            "field": self.field,
            "kind": self.kind,
            "severity": str(self.severity),
            "key": self.key,
            "params": dict(self.params),
            "text": self.text(lang),
        }


def _shown(value: Any, lang: str) -> str:
    match value:
        case bool():
            return i18n.t("profile.yes" if value else "profile.no", lang)
        case int():
            return i18n.number(value, lang)
        case float():
            return i18n.number(value, lang, decimals=1)
        case str():
            return i18n.t(value, lang) if value.startswith("profile.") else value
        case Iterable():
            return quoted([_shown(item, lang) for item in value], lang)
    return str(value)


def quoted(values: Iterable[str], lang: str) -> str:
    """Example values between the quotation marks of the language."""
    left, right = ("„", "“") if lang == "de" else ("“", "”")
    return ", ".join(f"{left}{value}{right}" for value in values)
