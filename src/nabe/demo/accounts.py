"""Sample accounts of the model city. Their passwords are published: never use them elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from nabe.model.party import Actor, Role
from nabe.model.text import Text

#: Of every sample account. Public on purpose; the demo listens on this machine only.
PASSWORD = "musterstadt-2026"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Account:
    """A log-in, and what it is good for."""

    actor: Actor
    shows: Text


def _account(id: str, name: str, organisation: str, roles: tuple[Role, ...], de: str, en: str) -> Account:
    return Account(Actor(id, name, organisation, frozenset(roles)), Text(de, en))


_OWNER = (Role.DATA_OWNER, Role.EMPLOYEE)

#: Those shown on the screen come first, in this order.
ACCOUNTS: tuple[Account, ...] = (
    _account(
        "sozialplanung",
        "Sina Süßmilch",
        "sozialplanung",
        (Role.EMPLOYEE,),
        "Sozialplanerin: sieht das Produkt „Kita-Versorgung“ im Anwendungsfall kita_supply",
        "Social planner: sees the product “Kita supply” in the use case kita_supply",
    ),
    _account(
        "kita-amt",
        "Karl Kühlwein",
        "kita_eigenbetrieb",
        _OWNER,
        "Daten-Owner der Kita-Daten: gibt Daten frei",
        "Data owner of the Kita data: approves grants",
    ),
    _account(
        "sozialamt",
        "Sören Oßwald",
        "sozialamt",
        _OWNER,
        "Daten-Owner der Sozialdaten: prüft, wofür sie genutzt werden",
        "Data owner of the social data: reviews what they are used for",
    ),
    _account(
        "datenschutz",
        "Doris Dämmrich",
        "datenschutz",
        (Role.DATA_PROTECTION_OFFICER,),
        "Datenschutzbeauftragte: liest das Protokoll, keine Daten",
        "Data-protection officer: reads the ledger, no data",
    ),
    _account(
        "it",
        "Ines Jöhnke",
        "it_amt",
        (Role.IT,),
        "IT: pflegt den Katalog, liest keine Daten",
        "IT: keeps the catalogue, reads no data",
    ),
    _account(
        "stadtwerke",
        "Stefan Stöhrmann",
        "stadtwerke",
        (Role.EMPLOYEE,),
        "Stadtwerke: sieht Baustellenkonflikte, keine Sozialdaten",
        "Utilities: sees road-works conflicts, no social data",
    ),
    _account(
        "buergerin",
        "Bärbel Bröcker",
        "",
        (Role.CITIZEN,),
        "Bürgerin: offene Daten",
        "Citizen: open data",
    ),
    _account("tiefbau", "Tim Täubner", "tiefbauamt", _OWNER, "Baustellen abstimmen", "Coordinates road works"),
    _account(
        "netzplanung", "Nele Nägelsbach", "stadtwerke", _OWNER, "Daten-Owner der Stadtwerke", "Data owner, utilities"
    ),
    _account(
        "ordnungsamt", "Otto Öhlschläger", "ordnungsamt", _OWNER, "Daten-Owner Veranstaltungen", "Data owner, events"
    ),
    _account("schulamt", "Sofia Schäuble", "schulamt", _OWNER, "Daten-Owner Schulen", "Data owner, schools"),
    _account("buergeramt", "Birgit Bühring", "buergeramt", _OWNER, "Daten-Owner Melderegister", "Data owner, register"),
    _account("kaemmerei", "Konrad Kästel", "stadtkaemmerei", _OWNER, "Daten-Owner Finanzen", "Data owner, finance"),
    _account("umweltamt", "Ute Übelacker", "umweltamt", _OWNER, "Energiemonitoring", "Energy monitoring"),
    _account(
        "gesundheitsamt", "Greta Gürtler", "gesundheitsamt", _OWNER, "Hitzeaktionsplan (Entwurf)", "Heat plan (draft)"
    ),
    _account(
        "datenkoordination",
        "Dirk Dörrlamm",
        "datenkoordination",
        (Role.GROUP_DATA_MANAGER, Role.USECASE_ADVISER),
        "Konzern-Datenmanager",
        "Group data manager",
    ),
    _account("ethik", "Elif Ehrlichmann", "datenschutz", (Role.ETHICS_OMBUDSPERSON,), "Ethik-Ombudsperson", "Ethics"),
    _account("auental", "Anna Ahrbeck", "auental", (Role.EMPLOYEE,), "Nachbarstadt Auental", "Neighbour town Auental"),
)

#: How many of them the screen shows.
SHOWN = 7
#: The gateway that sends for all devices: it has tokens and no password.
GATEWAY = Actor("sensor-gateway", "Gateway der Sensoren", "stadtwerke")
