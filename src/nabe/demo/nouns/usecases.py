"""The use cases: purposes, who works in them, what they may read, and one that nobody has approved yet."""

from __future__ import annotations

import datetime as dt

from nabe.model.party import Role
from nabe.model.text import Text
from nabe.model.usecase import Approval, EthicsState, Grant, Member, UseCase, UseCaseState

#: Far enough for a model city that should not expire under its readers.
UNTIL = dt.date(2036, 12, 31)


def _by(owner: str, note: str = "") -> Approval:
    return Approval(owner, dt.datetime(2026, 9, 15, 8, 0, tzinfo=dt.UTC), note)


KITA_SUPPLY = UseCase(
    "kita_supply",
    Text("Kita-Versorgung im Sozialraum", "Kita supply by neighbourhood"),
    Text(
        "Planen, wo Kita-Plätze fehlen, und dabei Stadtteile mit vielen Haushalten im Leistungsbezug zuerst bedenken.",
        "Plan where Kita places are missing, and put districts with many households on assistance first.",
    ),
    "sozialplanung",
    "§ 80 SGB VIII i. V. m. § 67c Abs. 5 SGB X",
    Text(
        "Verbindet Kita-Verwaltung, Einwohnerstatistik und Sozialhilfe; Zellen unter fünf Haushalten bleiben verborgen.",
        "Joins Kita administration, population statistics and social assistance; cells under five households stay hidden.",
    ),
    UseCaseState.ACTIVE,
    EthicsState.CLEARED,
    ("teilhabe",),
    (
        Member(organisation="sozialplanung"),
        Member(person="kita-amt"),
        Member(role=Role.USECASE_ADVISER, organisation="stadt"),
    ),
    (
        Grant(
            "kita_places",
            ("district_key", "age_group", "places"),
            publish=True,
            expires=UNTIL,
            approval=_by("kita-amt", "Plätze je Altersgruppe, ohne Belegung"),
            reason=Text("Angebot je Stadtteil", "Supply by district"),
        ),
        Grant(
            "assistance_households",
            ("district_key",),
            min_group=5,
            publish=True,
            expires=UNTIL,
            approval=_by("sozialamt", "Nur Anzahl je Stadtteil, ab fünf Haushalten"),
            reason=Text("Anteil der Haushalte im Leistungsbezug", "Share of households on assistance"),
        ),
    ),
    UNTIL,
)

ROAD_WORKS = UseCase(
    "road_works_coordination",
    Text("Baustellen abstimmen", "Coordinate road works"),
    Text(
        "Baustellen, Leitungsbau und Veranstaltungen in derselben Straße früh erkennen.",
        "Find road works, trenches and events in the same street early.",
    ),
    "tiefbauamt",
    "§ 45 Abs. 6 StVO",
    state=UseCaseState.ACTIVE,
    ethics=EthicsState.CLEARED,
    goals=("mobil",),
    members=(Member(organisation="tiefbauamt"), Member(organisation="stadtwerke"), Member(organisation="ordnungsamt")),
    grants=(
        Grant("road_works", ("*",), publish=True, expires=UNTIL, approval=_by("tiefbau")),
        Grant(
            "utility_works",
            ("order_id", "street_key", "street_name", "network", "begins", "ends"),
            publish=True,
            expires=UNTIL,
            approval=_by("netzplanung", "ohne Kosten"),
        ),
        Grant(
            "events",
            ("event_id", "name", "street_key", "starts", "ends", "geometry"),
            where="guests >= 100",
            publish=True,
            expires=UNTIL,
            approval=_by("ordnungsamt"),
        ),
    ),
    expires=UNTIL,
)

SCHOOLS = UseCase(
    "school_planning",
    Text("Schulentwicklungsplanung", "School planning"),
    Text("Plätze in ersten Klassen rechtzeitig schaffen.", "Create places in first classes in time."),
    "schulamt",
    "§ 26 NSchG",
    state=UseCaseState.ACTIVE,
    ethics=EthicsState.CONDITIONS,
    goals=("teilhabe",),
    members=(Member(organisation="schulamt"), Member(role=Role.EMPLOYEE, organisation="sozialplanung")),
    grants=(
        Grant("school_enrolment", ("*",), publish=True, expires=UNTIL, approval=_by("schulamt")),
        Grant(
            "residents",
            ("district_key", "birth_year"),
            where="birth_year >= 2014",
            min_group=5,
            publish=True,
            expires=UNTIL,
            approval=_by("buergeramt", "Anzahl je Stadtteil und Jahrgang, ab fünf Kindern"),
        ),
        Grant(
            "invoices",
            ("date", "product", "amount"),
            where="product LIKE '21%'",
            rounding={"amount": 1000.0},
            expires=UNTIL,
            approval=_by("kaemmerei", "Beträge auf 1.000 EUR gerundet"),
        ),
    ),
    expires=UNTIL,
)

OPEN_KITAS = UseCase(
    "open_data_kitas",
    Text("Kita-Standorte als offene Daten", "Kita locations as open data"),
    Text(
        "Eltern und Portale finden Kitas, Träger und Plätze ohne Anmeldung.",
        "Parents and portals find Kitas, operators and places without logging in.",
    ),
    "kita_eigenbetrieb",
    "§ 12a EGovG, § 1 DNG",
    state=UseCaseState.ACTIVE,
    ethics=EthicsState.CLEARED,
    goals=("offen", "teilhabe"),
    members=(Member(organisation="kita_eigenbetrieb"),),
    grants=(
        Grant(
            "kita_facilities", ("*",), publish=True, expires=UNTIL, approval=_by("kita-amt", "ohne Ansprechpersonen")
        ),
    ),
    expires=UNTIL,
)

ENERGY = UseCase(
    "energy_monitoring",
    Text("Energiemonitoring der Gebäude", "Energy monitoring of buildings"),
    Text("Gebäude mit hohem Wärmebedarf zuerst sanieren.", "Renovate buildings with high heat demand first."),
    "umweltamt",
    "§ 6 EnEfG",
    state=UseCaseState.ACTIVE,
    ethics=EthicsState.NOT_ASSESSED,
    goals=("klima",),
    members=(Member(organisation="umweltamt"), Member(organisation="stadtwerke")),
    grants=(
        Grant("building_energy", ("*",), publish=True, expires=UNTIL, approval=_by("netzplanung")),
        Grant("energy_meters", ("*",), expires=UNTIL, approval=_by("netzplanung", "Mittel von 15 Minuten")),
        Grant(
            "invoices",
            ("date", "product", "amount"),
            expires=UNTIL,
            reason=Text(
                "Energiekosten je Gebäude; Freigabe steht noch aus.", "Energy costs by building; approval is pending."
            ),
        ),
    ),
    expires=UNTIL,
)

HEAT = UseCase(
    "heat_action_plan",
    Text("Hitzeaktionsplan", "Heat action plan"),
    Text("Ältere Menschen in heißen Stadtteilen erreichen.", "Reach older people in hot districts."),
    "gesundheitsamt",
    "",
    state=UseCaseState.DRAFT,
    ethics=EthicsState.NOT_ASSESSED,
    goals=("klima",),
    members=(
        Member(organisation="gesundheitsamt"),
        Member(organisation="umweltamt"),
        Member(organisation="hochschule"),
    ),
    grants=(
        Grant(
            "residents",
            ("district_key", "born", "street_key"),
            where="birth_year <= 1950",
            reason=Text("Wo leben Menschen ab 75?", "Where do people of 75 and over live?"),
        ),
    ),
)

SCOOTERS = UseCase(
    "scooter_parking",
    Text("Leihroller ordentlich abstellen", "Shared scooters parked properly"),
    Text(
        "Erkennen, wo Leihroller im Parkverbot stehen, und Abstellflächen dort schaffen, wo Fahrten enden.",
        "See where scooters stand where it is forbidden, and make hubs where trips end.",
    ),
    "ordnungsamt",
    "§ 18 NStrG, Sondernutzungserlaubnis mit Meldepflicht",
    Text(
        "Fahrten sind personenbezogen: freigegeben sind nur gerundete Strecken und mittlere Dauer, ab fünf Fahrten.",
        "Trips are personal: only rounded distances and mean durations are granted, from five trips on.",
    ),
    UseCaseState.ACTIVE,
    EthicsState.CONDITIONS,
    ("mobil",),
    (Member(organisation="ordnungsamt"), Member(organisation="tiefbauamt")),
    (
        Grant(
            "scooter_states",
            ("device_id", "state", "since", "battery"),
            expires=UNTIL,
            approval=_by("ordnungsamt", "ohne Standort"),
        ),
        Grant(
            "scooter_trips",
            ("distance",),
            min_group=5,
            measures=("duration",),
            rounding={"distance": 1000.0},
            expires=UNTIL,
            approval=_by("ordnungsamt", "nur Strecken je Kilometer und mittlere Dauer, ab fünf Fahrten"),
        ),
    ),
    UNTIL,
)

PARKING = UseCase(
    "parking_guidance",
    Text("Parken trotz Baustellen", "Parking in spite of road works"),
    Text(
        "Autofahrende an Baustellen vorbei zu freien Parkhäusern leiten.",
        "Lead drivers around road works to free car parks.",
    ),
    "tiefbauamt",
    "§ 45 StVO",
    state=UseCaseState.ACTIVE,
    ethics=EthicsState.CLEARED,
    goals=("mobil",),
    members=(Member(organisation="tiefbauamt"), Member(organisation="stadtwerke")),
    grants=(
        Grant(
            "road_works",
            ("works_id", "street_name", "begins", "ends", "closure", "geometry"),
            publish=True,
            expires=UNTIL,
            approval=_by("tiefbau"),
        ),
    ),
    expires=UNTIL,
)

COLD_CHAIN = UseCase(
    "cold_chain",
    Text("Kühlketten überwachen", "Watch over cold chains"),
    Text(
        "Warme Kühlschränke in Schulküchen und Apotheken bemerken, ehe Lebensmittel und Arzneien verderben.",
        "Notice warm fridges in school kitchens and pharmacies before food and medicines spoil.",
    ),
    "schulamt",
    "Art. 5 VO (EG) 852/2004, § 4 LMHV",
    Text(
        "Türen verraten, wann gearbeitet wird: gelesen werden die Werte nur von Schulamt und Lebensmittelüberwachung.",
        "Doors tell when people work: only the school office and food inspection read the values.",
    ),
    UseCaseState.ACTIVE,
    EthicsState.CONDITIONS,
    ("lebenswert",),
    (Member(organisation="schulamt"), Member(organisation="gesundheitsamt")),
    (
        Grant(
            "fridge_temperatures",
            ("*",),
            expires=UNTIL,
            approval=_by("schulamt", "nur zur Überwachung der Kühlkette"),
            reason=Text("Temperatur und Ort", "Temperature and place"),
        ),
    ),
    UNTIL,
)

USECASES = (KITA_SUPPLY, ROAD_WORKS, SCHOOLS, OPEN_KITAS, ENERGY, HEAT, SCOOTERS, PARKING, COLD_CHAIN)
