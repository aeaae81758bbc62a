"""Datasets about people: statistics (open), the register, social assistance (restricted)."""

from __future__ import annotations

from nabe.demo.nouns.fields import DATE, DL_DE_BY, INTEGER, MODIFIED, NUMBER, POSTCODE, STRING, district, field
from nabe.model.dataset import Access, Dataset, Field, Reference
from nabe.model.text import Text

_MINUS = {"nulls": ["-"]}


_STATISTICS = (
    Dataset(
        "population_by_age",
        Text("Einwohner nach Stadtteil, Alter und Geschlecht", "Population by district, age and sex"),
        "buergeramt",
        Access.OPEN,
        (
            field("as_of", DATE, "Stichtag", "As of", "Stichtag"),
            district("STT"),
            field("district_name", STRING, "Stadtteil", "District", "Stadtteil"),
            field("age_group", STRING, "Altersgruppe", "Age group", "Altersgruppe", vocabulary="age_groups"),
            field("sex", STRING, "Geschlecht", "Sex", "Geschlecht", vocabulary="sex"),
            field("inhabitants", INTEGER, "Einwohner", "Inhabitants", "Einwohner", unit="{inhabitants}"),
            field("share", NUMBER, "Anteil am Stadtteil", "Share of the district", "Anteil in %", unit="%"),
        ),
        "einwohnerwesen",
        {
            "path": "einwohner_alter_2025.csv",
            "encoding": "cp1252",
            "delimiter": ";",
            "header_row": 3,
            "decimal": ",",
            "date_format": "DD.MM.YYYY",
            **_MINUS,
        },
        description=Text(
            "Hauptwohnsitz am 31.12.2025; Werte unter 5 sind leer (synthetisch).",
            "Main residence on 31 December 2025; values under 5 are empty (synthetic).",
        ),
        key=("district_key", "age_group", "sex"),
        licence=DL_DE_BY,
        keywords=("Bevölkerung", "Altersgruppen", "Statistik"),
        theme="SOCI",
        update_every="P1Y",
        modified="2026-02-15",
        synthetic=True,
    ),
    Dataset(
        "households_by_district",
        Text("Haushalte nach Stadtteil", "Households by district"),
        "buergeramt",
        Access.OPEN,
        (
            field("as_of", DATE, "Stichtag", "As of", "Stichtag"),
            district("STT"),
            field("district_name", STRING, "Stadtteil", "District", "Stadtteil"),
            field("households", INTEGER, "Haushalte", "Households", "Haushalte"),
            field(
                "with_children", INTEGER, "mit Kindern unter 18", "with children under 18", "davon mit Kindern unter 18"
            ),
            field("single_parents", INTEGER, "Alleinerziehende", "Single parents", "Alleinerziehende"),
            field("size", NUMBER, "Mittlere Haushaltsgröße", "Mean household size", "Ø Haushaltsgröße"),
            field(
                "density", NUMBER, "Einwohnerdichte", "Population density", "Einwohner je km²", unit="{inhabitants}/km2"
            ),
        ),
        "einwohnerwesen",
        {
            "path": "haushalte_2025.csv",
            "encoding": "utf-8-sig",
            "delimiter": ";",
            "decimal": ",",
            "thousands": ".",
            "date_format": "DD.MM.YYYY",
        },
        description=Text(
            "Privathaushalte am 31.12.2025 (synthetisch).", "Private households on 31 Dec 2025 (synthetic)."
        ),
        key=("district_key",),
        licence=DL_DE_BY,
        keywords=("Haushalte", "Familien", "Statistik"),
        theme="SOCI",
        update_every="P1Y",
        modified="2026-02-15",
        synthetic=True,
    ),
    Dataset(
        "population_movements",
        Text("Bevölkerungsbewegung seit 2012", "Population movements since 2012"),
        "buergeramt",
        Access.OPEN,
        (
            district("STT"),
            field("year", INTEGER, "Jahr", "Year", "Jahr"),
            field("births", INTEGER, "Geburten", "Births", "Geburten"),
            field("deaths", INTEGER, "Sterbefälle", "Deaths", "Sterbefälle"),
            field("moved_in", INTEGER, "Zuzüge", "Moved in", "Zuzüge"),
            field("moved_out", INTEGER, "Fortzüge", "Moved out", "Fortzüge"),
        ),
        "einwohnerwesen",
        {"path": "bewegungen.tsv", "encoding": "latin-1", "delimiter": "\t", **_MINUS},
        description=Text(
            "Geburten, Sterbefälle, Zu- und Fortzüge (synthetisch).", "Births, deaths and migration (synthetic)."
        ),
        key=("district_key", "year"),
        licence=DL_DE_BY,
        keywords=("Geburten", "Wanderung", "Zeitreihe"),
        theme="SOCI",
        update_every="P1Y",
        modified="2026-02-15",
        synthetic=True,
    ),
)

_REGISTER = Dataset(
    "residents",
    Text("Melderegister (Auszug)", "Residents' register (extract)"),
    "buergeramt",
    Access.RESTRICTED,
    (
        field("person_id", STRING, "Personennummer", "Person number", "PID", personal=True),
        field("family_name", STRING, "Familienname", "Family name", "NAME", personal=True),
        field("given_name", STRING, "Vorname", "Given name", "VORNAME", personal=True),
        field("sex", STRING, "Geschlecht", "Sex", "GESCHL", personal=True, vocabulary="sex"),
        field("born", DATE, "Geburtsdatum", "Date of birth", "GEBDAT", personal=True),
        field("birth_year", INTEGER, "Geburtsjahr", "Year of birth", "JAHRGANG", personal=True),
        field("household_id", INTEGER, "Haushaltsnummer", "Household number", "HAUSHALT", personal=True),
        Field(
            "street_key",
            STRING,
            Text("Straßenschlüssel", "Street key"),
            column="STRSCHL",
            personal=True,
            references=Reference("streets", "street_key"),
        ),
        field("house_number", STRING, "Hausnummer", "House number", "HAUSNR", personal=True),
        Field("postcode", STRING, POSTCODE, column="PLZ", personal=True),
        district("STT"),
    ),
    "einwohnerwesen",
    {"path": "melderegister_auszug.csv", "encoding": "cp1252", "delimiter": ";", "date_format": "DD.MM.YYYY"},
    description=Text(
        "120.000 erfundene Personen mit Hauptwohnsitz; wie echte Meldedaten geschützt (synthetisch).",
        "120,000 invented persons with main residence; protected like real register data (synthetic).",
    ),
    key=("person_id",),
    subject="person_id",
    keywords=("Melderegister", "Personen"),
    theme="GOVE",
    update_every="P1D",
    modified="2026-01-05",
    synthetic=True,
)

_HOUSEHOLD = Field(
    "household_id",
    INTEGER,
    Text("Haushaltsnummer", "Household number"),
    column="haushalt_id",
    personal=True,
    references=Reference("social_households", "household_id"),
)

_SOCIAL = (
    Dataset(
        "assistance_households",
        Text("Haushalte im Leistungsbezug", "Households on social assistance"),
        "sozialamt",
        Access.RESTRICTED,
        (
            _HOUSEHOLD,
            district("stadtteil_nr"),
            field("members", INTEGER, "Personen im Haushalt", "Persons in the household", "personen", personal=True),
            field("children_under_6", INTEGER, "Kinder unter 6", "Children under 6", "kinder_u6", personal=True),
            field("benefit", STRING, "Leistungsart", "Benefit", "leistung", personal=True),
            field("since", DATE, "Beginn", "Since", "beginn", personal=True),
        ),
        "sozialhilfe",
        {"table": "haushalte_im_bezug"},
        description=Text(
            "Eine Zeile je Haushalt mit laufender Leistung (synthetisch).",
            "One row per household with current benefits (synthetic).",
        ),
        key=("household_id",),
        subject="household_id",
        keywords=("Sozialhilfe", "Haushalte", "SGB II", "SGB XII"),
        theme="SOCI",
        update_every="P1D",
        modified=MODIFIED,
        synthetic=True,
    ),
    Dataset(
        "social_households",
        Text("Haushalte des Sozialamts", "Households known to the social office"),
        "sozialamt",
        Access.RESTRICTED,
        (
            field("household_id", INTEGER, "Haushaltsnummer", "Household number", "haushalt_id", personal=True),
            district("stadtteil_nr"),
            Field(
                "street_key", STRING, Text("Straßenschlüssel", "Street key"), column="strassenschluessel", personal=True
            ),
            field("house_number", STRING, "Hausnummer", "House number", "hausnummer", personal=True),
            field("members", INTEGER, "Personen", "Persons", "personen", personal=True),
            field("children_under_6", INTEGER, "Kinder unter 6", "Children under 6", "kinder_u6", personal=True),
        ),
        "sozialhilfe",
        {"table": "haushalt"},
        description=Text("Laufende und beendete Fälle (synthetisch).", "Current and ended cases (synthetic)."),
        key=("household_id",),
        subject="household_id",
        keywords=("Sozialhilfe",),
        theme="SOCI",
        update_every="P1D",
        modified=MODIFIED,
        synthetic=True,
    ),
    Dataset(
        "social_persons",
        Text("Personen des Sozialamts", "Persons known to the social office"),
        "sozialamt",
        Access.RESTRICTED,
        (
            field("person_id", INTEGER, "Personennummer", "Person number", "person_id", personal=True),
            _HOUSEHOLD,
            field("family_name", STRING, "Familienname", "Family name", "nachname", personal=True),
            field("given_name", STRING, "Vorname", "Given name", "vorname", personal=True),
            field("born", DATE, "Geburtsdatum", "Date of birth", "geburtsdatum", personal=True),
            field("sex", STRING, "Geschlecht", "Sex", "geschlecht", personal=True, vocabulary="sex"),
        ),
        "sozialhilfe",
        {"table": "person"},
        description=Text("Mitglieder der Haushalte (synthetisch).", "Members of the households (synthetic)."),
        key=("person_id",),
        subject="person_id",
        keywords=("Sozialhilfe", "Personen"),
        theme="SOCI",
        update_every="P1D",
        modified=MODIFIED,
        synthetic=True,
    ),
    Dataset(
        "social_cases",
        Text("Leistungsfälle", "Benefit cases"),
        "sozialamt",
        Access.RESTRICTED,
        (
            field("case_id", INTEGER, "Fallnummer", "Case number", "fall_id", personal=True),
            _HOUSEHOLD,
            field("file_number", STRING, "Aktenzeichen", "File number", "aktenzeichen", personal=True),
            field("benefit", STRING, "Leistungsart", "Benefit", "leistung", personal=True),
            field("begins", DATE, "Beginn", "Begins", "beginn", personal=True),
            field("ends", DATE, "Ende", "Ends", "ende", personal=True),
            field("officer", STRING, "Sachbearbeitung", "Officer", "sachbearbeitung", personal=True),
        ),
        "sozialhilfe",
        {"table": "fall"},
        description=Text(
            "Fälle mit Leistungsart und Zeitraum (synthetisch).", "Cases with benefit and period (synthetic)."
        ),
        key=("case_id",),
        subject="household_id",
        keywords=("Sozialhilfe", "Fälle"),
        theme="SOCI",
        update_every="P1D",
        modified=MODIFIED,
        synthetic=True,
    ),
    Dataset(
        "social_payments",
        Text("Zahlungen der Sozialhilfe", "Social-assistance payments"),
        "sozialamt",
        Access.RESTRICTED,
        (
            field("payment_id", INTEGER, "Zahlungsnummer", "Payment number", "zahlung_id", personal=True),
            Field(
                "case_id",
                INTEGER,
                Text("Fallnummer", "Case number"),
                column="fall_id",
                personal=True,
                references=Reference("social_cases", "case_id"),
            ),
            field("month", DATE, "Monat", "Month", "monat"),
            field("amount", NUMBER, "Betrag", "Amount", "betrag_eur", unit="{EUR}", personal=True),
        ),
        "sozialhilfe",
        {"table": "zahlung"},
        description=Text(
            "Zahlungen je Fall und Monat des Jahres 2025 (synthetisch).", "Payments by case and month, 2025."
        ),
        key=("payment_id",),
        subject="case_id",
        keywords=("Sozialhilfe", "Zahlungen"),
        theme="SOCI",
        update_every="P1M",
        modified=MODIFIED,
        synthetic=True,
    ),
)

#: Of the systems `einwohnerwesen` and `sozialhilfe`.
DATASETS = (*_STATISTICS, _REGISTER, *_SOCIAL)
