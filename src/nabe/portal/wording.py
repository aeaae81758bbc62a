"""Codes as words: access levels, themes, units, periods, laws, roles, kinds of silo; in German or English."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from nabe import i18n
from nabe.model.dataset import Dataset, Field
from nabe.model.periods import CITY_TIME
from nabe.model.usecase import UseCaseState

#: Licences that have an address.
LICENCES = {
    "dl-de/by-2-0": ("Datenlizenz Deutschland – Namensnennung – 2.0", "https://www.govdata.de/dl-de/by-2-0"),
    "dl-de/zero-2-0": ("Datenlizenz Deutschland – Zero – 2.0", "https://www.govdata.de/dl-de/zero-2-0"),
    "CC BY 4.0": ("Creative Commons BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "CC0 1.0": ("Creative Commons CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
}

_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:\d+S)?)?")
_PERIOD_UNITS = ("year", "month", "week", "day", "hour", "minute")
_UNITS = {
    "1": "",
    "m2": "m²",
    "m3": "m³",
    "km2": "km²",
    "har": "ha",
    "Cel": "°C",
    "deg": "°",
    "ug/m3": "µg/m³",
    "kW.h": "kWh",
    "MW.h": "MWh",
    "kW.h/m2": "kWh/m²",
    "kW.h/(m2.a)": "kWh/(m²·a)",
    "[ppm]": "ppm",
    "dB[SPL]": "dB",
}
_BADGE = {"open": "success", "group": "info", "internal": "info", "restricted": "warning"}


@dataclass(frozen=True, slots=True)
class Wording:
    """Words of one language for templates. A code without a word is shown as it is."""

    lang: str

    def access(self, level: str) -> str:
        """`restricted` -> „Beschränkt“."""
        return self._word("access.", level)

    def access_hint(self, level: str) -> str:
        """Who may know of it and ask for it."""
        return self._word("access_hint.", level)

    def access_badge(self, level: str) -> str:
        """Kind of the badge."""
        return _BADGE.get(level, "info")

    def theme(self, code: str) -> str:
        """EU data theme, e.g. `SOCI`."""
        return self._word("theme.", code)

    def kind(self, field_type: str) -> str:
        """Type of a field."""
        return self._word("type.", field_type)

    def role(self, role: str) -> str:
        """Role of Table 6."""
        return self._word("role.", role)

    def state(self, state: str) -> str:
        """State of a use case."""
        return self._word("state.", state)

    def state_badge(self, state: str) -> str:
        """Kind of the badge."""
        return {UseCaseState.ACTIVE: "success", UseCaseState.DRAFT: "warning"}.get(UseCaseState(state), "info")

    def ethics(self, state: str) -> str:
        """Outcome of the ethics assessment."""
        return self._word("ethics.", state)

    def adapter(self, id: str) -> str:
        """Kind of a silo."""
        return self._word("adapter.", id)

    def action(self, action: str) -> str:
        """What a ledger or history entry did."""
        return self._word("action.", action)

    def unit(self, field: Field) -> str:
        """UCUM code as it is read: `m2` -> `m²`, `{EUR}` -> `EUR`; what only names the things counted needs no unit."""
        code, per, area = field.unit.partition("/") if field.unit.startswith("{") else (field.unit, "", "")
        if code.startswith("{"):
            inside = code.strip("{}")
            money = inside if inside.isupper() and len(inside) == 3 else ""
            return " ".join(filter(None, (money, self._word("unit.", "per") if per else "", _UNITS.get(area, area))))
        if code in ("d", "a"):
            return self._word("unit.", "day" if code == "d" else "year")
        return _UNITS.get(code, code)

    def licence(self, code: str) -> tuple[str, str]:
        """Name and address (empty if it has none)."""
        return LICENCES.get(code, (code, ""))

    def period(self, duration: str) -> str:
        """How often: `P1D` -> „täglich“, `P3M` -> „alle 3 Monate“."""
        found = _PERIOD.fullmatch(duration or "")
        given = (
            [(int(number), unit) for number, unit in zip(found.groups(), _PERIOD_UNITS, strict=True) if number]
            if found
            else []
        )
        if len(given) != 1:
            return duration
        number, unit = given[0]
        return i18n.t(f"portal.period.{unit}" if number == 1 else f"portal.periods.{unit}", self.lang, number=number)

    def schedule(self, text: str) -> str:
        """`PT1H` -> „stündlich“; a cron line is said to be one."""
        return self._word("copies.", "cron") if len(text.split()) > 1 else self.period(text)

    def size(self, bytes: int) -> str:
        """`1234567` -> „1,2 MB“."""
        amount, unit = float(bytes), "B"
        for unit in ("B", "kB", "MB", "GB", "TB"):  # the last one stays
            if amount < 1000 or unit == "TB":
                break
            amount /= 1000
        return f"{i18n.number(amount, self.lang, decimals=1 if unit != 'B' else 0)} {unit}"

    def modified(self, dataset: Dataset) -> str:
        """The day of the data, if it is known."""
        try:
            return day(dt.datetime.fromisoformat(dataset.modified), self.lang) if dataset.modified else ""
        except ValueError:
            return dataset.modified

    def law(self, text: str) -> str:
        """A citation in the page's language: `Art. 5 (1) b GDPR` -> `Art. 5 Abs. 1 Buchst. b DSGVO`."""
        if self.lang != "de":
            return (
                text.replace("Studie, Tabelle", "study, table")
                .replace("Studie, Anhang", "study, annex")
                .replace("Studie", "study")
            )
        german = re.sub(r"\((\d+)\) ([a-z]) GDPR", r"Abs. \1 Buchst. \2 GDPR", text)
        german = re.sub(r"\((\d+)\) GDPR", r"Abs. \1 GDPR", german)
        return german.replace("GDPR", "DSGVO")

    def _word(self, table: str, code: str) -> str:
        key = f"portal.{table}{code}"
        return i18n.t(key, self.lang) if key in i18n.messages(self.lang) else code


def day(value: dt.date | dt.datetime | None, lang: str) -> str:
    """A date without its time."""
    if value is None:
        return ""
    return i18n.date(value.date() if isinstance(value, dt.datetime) else value, lang)


def moment(value: dt.datetime | None, lang: str) -> str:
    """A date with its time, on the German clock."""
    return i18n.date(value.astimezone(CITY_TIME), lang) if value else ""


def result_text(value: object, lang: str) -> str:
    """An observation's result as people read it: numbers with a decimal comma, lists divided, yes and no as words."""
    if value is None:
        return i18n.t("portal.value.missing", lang)
    if isinstance(value, bool):
        return i18n.t("portal.value.yes" if value else "portal.value.no", lang)
    if isinstance(value, (int, float)):
        return i18n.number(value, lang)
    if isinstance(value, (list, tuple)):
        return " · ".join(result_text(item, lang) for item in value[:20])
    if isinstance(value, dict):
        return ", ".join(f"{key}: {result_text(item, lang)}" for key, item in list(value.items())[:20])
    text = str(value)
    return text if len(text) <= 160 else f"{text[:159]}…"
