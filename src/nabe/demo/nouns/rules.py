"""Quality rules of some datasets of the model city, as their offices may have agreed on them."""

from __future__ import annotations

from collections.abc import Mapping

from nabe.model.quality import Rule, RuleKind, RuleSeverity
from nabe.model.text import Text

_K = RuleKind

RULES: Mapping[str, tuple[Rule, ...]] = {
    "kita_facilities": (
        Rule("facility_unique", _K.UNIQUE, ("facility_id",), RuleSeverity.ERROR),
        Rule("places", _K.RANGE, ("places",), min=1, max=300),
        Rule("operator_known", _K.REFERENCE, ("operator_id",)),
        Rule("address", _K.COMPLETENESS, ("street_name", "house_number", "postcode")),
        Rule("postcode", _K.PATTERN, ("postcode",), pattern="[0-9]{5}"),
        Rule("as_usual", _K.ROW_COUNT, change=0.1),
    ),
    "air_quality": (
        Rule("hour_unique", _K.UNIQUE, ("station_id", "time"), RuleSeverity.ERROR),
        Rule("no2", _K.RANGE, ("no2",), min=0, max=400),
        Rule("pm10", _K.RANGE, ("pm10",), min=0, max=1000),
        Rule("temperature", _K.RANGE, ("temperature",), min=-35, max=45),
        Rule("few_gaps", _K.COMPLETENESS, ("no2", "pm10", "o3"), RuleSeverity.HINT, at_most=0.02),
        Rule(
            "no_gap",
            _K.SQL,
            title=Text("Keine Lücke über drei Stunden", "No gap of more than three hours"),
            sql="time - lag(time) OVER (PARTITION BY station_id ORDER BY time) <= INTERVAL 3 HOUR",
        ),
        Rule("station_known", _K.REFERENCE, ("station_id",)),
        Rule("up_to_date", _K.FRESHNESS, severity=RuleSeverity.HINT),
    ),
    "road_works": (
        Rule("works_unique", _K.UNIQUE, ("works_id",), RuleSeverity.ERROR),
        Rule("street_known", _K.REFERENCE, ("street_key",)),
        Rule("in_order", _K.SQL, title=Text("Das Ende liegt nicht vor dem Beginn", "The end is not before the beginning"), sql="ends >= begins"),
        Rule("course", _K.COMPLETENESS, ("geometry",)),
    ),
    "residents": (
        Rule("person_unique", _K.UNIQUE, ("person_id",), RuleSeverity.ERROR),
        Rule("street_known", _K.REFERENCE, ("street_key",)),
        Rule("born", _K.RANGE, ("born",), min="1900-01-01", max="today"),
        Rule("year_fits", _K.SQL, title=Text("Geburtsjahr passt zum Geburtsdatum", "Year of birth fits date of birth"), sql="birth_year = year(born)"),
    ),
}  # fmt: skip
