"""The city, its organisations ("Konzern Stadt"), goals and code lists."""

from __future__ import annotations

from nabe.demo.silos.residents import AGE_GROUPS
from nabe.demo.town import District
from nabe.model.catalogue import City, Code, Goal, Vocabulary
from nabe.model.party import Organisation, OrganisationKind
from nabe.model.text import Text

CITY = City(
    id="musterstadt",
    title=Text("Musterstadt (Modellstadt)", "Musterstadt (model city)"),
    ags="03999999",
    land="NI",
    base_uri="http://127.0.0.1:8080",
    description=Text(
        "Erfundene Stadt mit 120.000 Einwohnerinnen und Einwohnern in 14 Stadtteilen. Alle Daten sind synthetisch.",
        "An invented city of 120,000 people in 14 districts. All data are synthetic.",
    ),
    synthetic=True,
    contact="datenkoordination@musterstadt.example",
    allow_hosts=("127.0.0.1",),
)


def _organisation(id: str, de: str, en: str, parent: str = "", kind: str = "department") -> Organisation:
    return Organisation(id, Text(de, en), OrganisationKind(kind), parent, f"{id.replace('_', '-')}@musterstadt.example")


ORGANISATIONS = (
    _organisation("stadt", "Stadt Musterstadt", "City of Musterstadt", kind="municipality"),
    _organisation("dezernat_1", "Dezernat I – Steuerung und Finanzen", "Division I – Governance and Finance", "stadt"),
    _organisation("stadtkaemmerei", "Stadtkämmerei", "City Treasury", "dezernat_1"),
    _organisation("it_amt", "Amt für Informationstechnik", "IT Office", "dezernat_1"),
    _organisation("datenschutz", "Datenschutz und Datenethik", "Data Protection and Data Ethics", "dezernat_1"),
    _organisation("datenkoordination", "Stabsstelle Daten", "Data Coordination Unit", "dezernat_1"),
    _organisation(
        "dezernat_2", "Dezernat II – Soziales, Bildung, Gesundheit", "Division II – Social, Education, Health", "stadt"
    ),
    _organisation("sozialamt", "Sozialamt", "Social Services Office", "dezernat_2"),
    _organisation("sozialplanung", "Stabsstelle Sozialplanung", "Social Planning Unit", "dezernat_2"),
    _organisation("schulamt", "Schulamt", "School Office", "dezernat_2"),
    _organisation("gesundheitsamt", "Gesundheitsamt", "Health Office", "dezernat_2"),
    _organisation(
        "dezernat_3", "Dezernat III – Planen, Bauen, Umwelt", "Division III – Planning, Building, Environment", "stadt"
    ),
    _organisation(
        "vermessungsamt", "Amt für Vermessung und Geoinformation", "Survey and Geoinformation Office", "dezernat_3"
    ),
    _organisation("tiefbauamt", "Tiefbauamt", "Civil Engineering Office", "dezernat_3"),
    _organisation("umweltamt", "Umweltamt", "Environment Office", "dezernat_3"),
    _organisation(
        "dezernat_4", "Dezernat IV – Bürgerservice und Ordnung", "Division IV – Citizen Services and Order", "stadt"
    ),
    _organisation("buergeramt", "Bürgeramt und Statistikstelle", "Citizens' Office and Statistics", "dezernat_4"),
    _organisation("ordnungsamt", "Ordnungsamt", "Public Order Office", "dezernat_4"),
    _organisation(
        "kita_eigenbetrieb", "Kita-Eigenbetrieb Musterstadt", "Municipal Kita Enterprise", "stadt", "owned_enterprise"
    ),
    _organisation(
        "stadtwerke", "Stadtwerke Musterstadt GmbH", "Musterstadt Utilities Ltd", "stadt", "municipal_company"
    ),
    _organisation("hochschule", "Hochschule Musterstadt", "Musterstadt University of Applied Sciences", kind="partner"),
    _organisation("flitz", "Flitz Sharing GmbH (Anbieter)", "Flitz Sharing Ltd (provider)", kind="partner"),
    _organisation("landesstrassen", "Landesstraßenbehörde", "State Road Authority", kind="partner"),
    _organisation("auental", "Stadt Auental (Nachbarstadt)", "Town of Auental (neighbour)", kind="other_municipality"),
)

GOALS = (
    Goal("lebenswert", Text("Lebenswerte Stadtteile", "Liveable districts")),
    Goal(
        "teilhabe",
        Text("Gleiche Chancen für alle Kinder", "Equal chances for all children"),
        Text(
            "Betreuung und Bildung hängen nicht von Einkommen oder Stadtteil ab.",
            "Care and education depend neither on income nor on the district.",
        ),
        "lebenswert",
    ),
    Goal("klima", Text("Klimaneutrale und hitzefeste Stadt bis 2040", "Climate-neutral, heat-proof city by 2040")),
    Goal("mobil", Text("Weniger Stau durch abgestimmte Baustellen", "Less congestion through coordinated road works")),
    Goal("offen", Text("Offene Verwaltung", "Open administration")),
)


def vocabularies(districts: list[District]) -> tuple[Vocabulary, ...]:
    """Key registers and code lists."""
    groups = tuple(Code(code, _years(first, last)) for code, first, last in AGE_GROUPS)
    quarters = tuple(Code(district.key, Text(district.name, district.name)) for district in districts)
    return (
        Vocabulary(
            "districts", Text("Stadtteile von Musterstadt", "Districts of Musterstadt"), quarters, "Hauptsatzung § 2"
        ),
        Vocabulary("age_groups", Text("Altersgruppen der Statistik", "Age groups of the statistics"), groups),
        Vocabulary(
            "sex",
            Text("Geschlecht", "Sex"),
            (Code("m", Text("männlich", "male")), Code("w", Text("weiblich", "female"))),
        ),
        Vocabulary(
            "kita_ages",
            Text("Altersgruppen in Kitas", "Age groups in Kitas"),
            (
                Code("U3", Text("unter 3 Jahren", "under 3")),
                Code("Ü3", Text("3 Jahre bis Schuleintritt", "3 to school age")),
            ),
        ),
        Vocabulary(
            "closure",
            Text("Sperrung", "Closure"),
            (
                Code("voll", Text("Vollsperrung", "fully closed")),
                Code("halbseitig", Text("halbseitig gesperrt", "one lane closed")),
                Code("keine", Text("keine Sperrung", "not closed")),
            ),
        ),
    )


def _years(first: int, last: int) -> Text:
    if last > 120:
        return Text(f"{first} Jahre und älter", f"{first} years and over")
    return Text(f"{first} bis unter {last + 1} Jahre", f"{first} to under {last + 1} years")
