"""The products: datasets that use cases make out of others, by the SQL in `nabe/demo/products/`."""

from __future__ import annotations

from importlib.resources import files

from nabe.demo.nouns.fields import (
    BOOLEAN,
    DATE,
    DL_DE_BY,
    INTEGER,
    MODIFIED,
    NUMBER,
    POSTCODE,
    STRING,
    district,
    field,
    shape,
    street,
)
from nabe.model.dataset import Access, Dataset, Field, Product
from nabe.model.text import Text


def sql(name: str) -> str:
    """The SQL of a product."""
    return (files("nabe.demo") / "products" / f"{name}.sql").read_text("utf-8").strip()


def products() -> tuple[Dataset, ...]:
    """One product of each active use case."""
    return (
        _kita_supply(),
        _kita_locations(),
        _road_works_conflicts(),
        _school_places(),
        _building_heat(),
        _scooters_by_district(),
        _car_parks_and_works(),
    )


def _kita_supply() -> Dataset:
    return Dataset(
        "kita_supply_by_district",
        Text("Kita-Versorgung und Leistungsbezug nach Stadtteil", "Kita supply and social assistance by district"),
        "sozialplanung",
        Access.INTERNAL,
        (
            district("", reference=True),
            field("district_name", STRING, "Stadtteil", "District"),
            field("children_under_6", INTEGER, "Kinder unter 6 Jahren", "Children under 6", unit="{inhabitants}"),
            field("kita_places", INTEGER, "Kita-Plätze", "Kita places"),
            field("places_per_100", NUMBER, "Plätze je 100 Kinder unter 6", "Places per 100 children under 6"),
            field("households", INTEGER, "Haushalte", "Households"),
            field(
                "assistance_share",
                NUMBER,
                "Anteil der Haushalte im Leistungsbezug",
                "Share of households on assistance",
                unit="%",
            ),
            field("suppressed", BOOLEAN, "Unterdrückt (unter 5 Haushalte)", "Suppressed (fewer than 5 households)"),
        ),
        product=Product("kita_supply", sql("kita_supply_by_district")),
        description=Text(
            "Kita-Plätze je 100 Kinder unter 6 Jahren und Anteil der Haushalte im Leistungsbezug, über drei Silos. Stadtteile "
            "mit weniger als fünf Haushalten im Bezug haben keinen Anteil; `suppressed` sagt es (synthetisch).",
            "Kita places per 100 children under 6 and the share of households on assistance, across three silos. Districts "
            "with fewer than five such households have no share; `suppressed` says so (synthetic).",
        ),
        key=("district_key",),
        keywords=("Kita", "Sozialplanung", "Versorgung"),
        theme="SOCI",
        update_every="P1D",
        modified=MODIFIED,
        synthetic=True,
    )


def _kita_locations() -> Dataset:
    return Dataset(
        "kita_locations",
        Text("Kitas: Standorte und Plätze", "Kitas: locations and places"),
        "kita_eigenbetrieb",
        Access.OPEN,
        (
            field("facility_id", INTEGER, "Nummer der Einrichtung", "Facility number"),
            field("name", STRING, "Name", "Name"),
            field("operator", STRING, "Träger", "Operator"),
            field("operator_kind", STRING, "Art des Trägers", "Kind of operator"),
            field("address", STRING, "Anschrift", "Address"),
            Field("postcode", STRING, POSTCODE),
            district(""),
            field("places", INTEGER, "Plätze", "Places"),
            shape("Lage", "Location"),
        ),
        product=Product("open_data_kitas", sql("kita_locations")),
        description=Text(
            "Standorte, Träger und Plätze der Kitas; ohne Ansprechpersonen (synthetisch).",
            "Locations, operators and places of Kitas; without contacts (synthetic).",
        ),
        key=("facility_id",),
        licence=DL_DE_BY,
        keywords=("Kita", "Kinderbetreuung", "Standorte", "Open Data"),
        theme="EDUC",
        update_every="P1D",
        modified=MODIFIED,
        synthetic=True,
    )


def _road_works_conflicts() -> Dataset:
    return Dataset(
        "road_works_conflicts",
        Text("Konflikte von Baustellen, Leitungsbau und Festen", "Conflicts of road works, trenches and events"),
        "tiefbauamt",
        Access.GROUP,
        (
            field("works_id", STRING, "Baustellennummer", "Works number"),
            street(""),
            field("street_name", STRING, "Straße", "Street"),
            field("conflict_with", STRING, "Art des Konflikts", "Kind of conflict"),
            field("other_id", STRING, "Andere Maßnahme", "Other measure"),
            field("begins", DATE, "Konflikt ab", "Conflict from"),
            field("ends", DATE, "Konflikt bis", "Conflict until"),
            field("days", INTEGER, "Tage", "Days", unit="d"),
        ),
        product=Product("road_works_coordination", sql("road_works_conflicts")),
        description=Text(
            "Maßnahmen in derselben Straße zur selben Zeit (synthetisch).",
            "Measures in the same street at the same time (synthetic).",
        ),
        key=("works_id", "other_id"),
        time="begins",
        keywords=("Baustellen", "Koordinierung"),
        theme="TRAN",
        update_every="P1D",
        modified=MODIFIED,
        synthetic=True,
    )


def _school_places() -> Dataset:
    return Dataset(
        "school_places_by_district",
        Text("Schulplätze und Kinder nach Stadtteil", "School places and children by district"),
        "schulamt",
        Access.INTERNAL,
        (
            district(""),
            field("school_year", STRING, "Schuljahr", "School year"),
            field("expected", INTEGER, "Erwartete Einschulungen", "Expected enrolments"),
            field("seats", INTEGER, "Plätze in ersten Klassen", "Places in first classes"),
            field("missing", INTEGER, "Fehlende Plätze", "Missing places"),
            field("children_registered", INTEGER, "Gemeldete Kinder des Jahrgangs", "Registered children of that year"),
        ),
        product=Product("school_planning", sql("school_places_by_district")),
        description=Text(
            "Prognose gegen Plätze; gemeldete Kinder ab fünf je Jahrgang und Stadtteil (synthetisch).",
            "Forecast against places; registered children from five per year and district (synthetic).",
        ),
        key=("district_key", "school_year"),
        keywords=("Schule", "Planung"),
        theme="EDUC",
        update_every="P1M",
        modified=MODIFIED,
        synthetic=True,
    )


def _building_heat() -> Dataset:
    return Dataset(
        "building_heat",
        Text("Wärmebedarf städtischer Gebäude", "Heat demand of municipal buildings"),
        "umweltamt",
        Access.INTERNAL,
        (
            field("building_id", STRING, "Liegenschaft", "Building"),
            field("name", STRING, "Name", "Name"),
            field("use", STRING, "Nutzung", "Use"),
            field("heat", INTEGER, "Wärme 2025", "Heat 2025", unit="kW.h"),
            field("heat_per_area", NUMBER, "Wärme je Fläche", "Heat per area", unit="kW.h/m2"),
            field("rank", INTEGER, "Rang", "Rank"),
        ),
        product=Product("energy_monitoring", sql("building_heat")),
        description=Text("Jahreswerte, schlechteste zuerst (synthetisch).", "Yearly values, worst first (synthetic)."),
        key=("building_id",),
        keywords=("Energie", "Klima", "Gebäude"),
        theme="ENER",
        update_every="P1M",
        modified="2026-01-20",
        synthetic=True,
    )


def _scooters_by_district() -> Dataset:
    return Dataset(
        "scooters_by_district",
        Text("Leihroller im Parkverbot nach Stadtteil", "Scooters parked where it is forbidden, by district"),
        "ordnungsamt",
        Access.GROUP,
        (
            district(""),
            field("district_name", STRING, "Stadtteil", "District"),
            field("parked", INTEGER, "Abgestellte Roller", "Parked scooters"),
            field("forbidden", INTEGER, "Davon im Parkverbot", "Of these where forbidden"),
        ),
        product=Product("scooter_parking", sql("scooters_by_district")),
        description=Text(
            "Fahrzeuge und Zonen des Anbieters (GBFS) über den Stadtteilen des Vermessungsamts (synthetisch).",
            "Vehicles and zones of the provider (GBFS) over the districts of the survey office (synthetic).",
        ),
        key=("district_key",),
        keywords=("Leihroller", "Parkverbot"),
        theme="TRAN",
        update_every="PT1M",
        modified=MODIFIED,
        synthetic=True,
    )


def _car_parks_and_works() -> Dataset:
    return Dataset(
        "car_parks_and_works",
        Text("Parkhäuser mit Baustellen in der Nähe", "Car parks with road works near"),
        "tiefbauamt",
        Access.GROUP,
        (
            field("car_park_id", STRING, "Parkhaus", "Car park"),
            field("name", STRING, "Name", "Name"),
            field("free", INTEGER, "Freie Plätze", "Free bays"),
            field("works_by", STRING, "Baulast", "Built by"),
            field("works_id", STRING, "Baustelle", "Road works"),
            field("street_name", STRING, "Straße", "Street"),
            field("metres", INTEGER, "Entfernung", "Distance", unit="m"),
        ),
        product=Product("parking_guidance", sql("car_parks_and_works")),
        description=Text(
            "Parkleitsystem (JSON), Baustellen der Stadt (GeoJSON) und des Landes (DATEX II) im Umkreis von 800 m (synthetisch).",
            "Guidance system (JSON), road works of city (GeoJSON) and state (DATEX II) within 800 m (synthetic).",
        ),
        key=("car_park_id", "works_id"),
        keywords=("Parken", "Baustellen"),
        theme="TRAN",
        update_every="PT1M",
        modified=MODIFIED,
        synthetic=True,
    )
