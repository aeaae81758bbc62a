"""Parties: organisations of the "Konzern Stadt" and the actors who ask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nabe.model.text import Text


class OrganisationKind(StrEnum):
    """What an organisation is to the city (study §3.2)."""

    MUNICIPALITY = "municipality"
    DEPARTMENT = "department"
    OWNED_ENTERPRISE = "owned_enterprise"  # Eigenbetrieb
    MUNICIPAL_COMPANY = "municipal_company"  # GmbH, AG
    PARTNER = "partner"
    OTHER_MUNICIPALITY = "other_municipality"


#: Kinds that belong to the administration in the narrow sense (access level `internal`).
ADMINISTRATION = frozenset(
    {OrganisationKind.MUNICIPALITY, OrganisationKind.DEPARTMENT, OrganisationKind.OWNED_ENTERPRISE}
)
#: Kinds that belong to the "Konzern Stadt" (access level `group`).
GROUP = ADMINISTRATION | {OrganisationKind.MUNICIPAL_COMPANY}


@dataclass(frozen=True, slots=True)
class Organisation:
    """A node of the organisation tree; `parent` is the id of the organisation above, empty at a root."""

    id: str
    title: Text
    kind: OrganisationKind = OrganisationKind.DEPARTMENT
    parent: str = ""
    contact: str = ""


class Role(StrEnum):
    """Roles of municipal data use (study, Table 6), and those outside the administration."""

    DATA_STRATEGIST = "data_strategist"
    GROUP_DATA_MANAGER = "group_data_manager"
    USECASE_ADVISER = "usecase_adviser"
    QUALITY_MANAGER = "quality_manager"
    STAKEHOLDER_MANAGER = "stakeholder_manager"
    COMMUNICATION_MANAGER = "communication_manager"
    ETHICS_OMBUDSPERSON = "ethics_ombudsperson"
    DATA_PROTECTION_OFFICER = "data_protection_officer"
    IT = "it"
    MULTIPLIER = "multiplier"
    DATA_OWNER = "data_owner"
    EMPLOYEE = "employee"
    CITIZEN = "citizen"
    COMPANY = "company"
    SCIENCE = "science"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `organisation` is an organisation id, empty for the public."""

    id: str
    name: str = ""
    organisation: str = ""
    roles: frozenset[Role] = frozenset()


#: Whoever has not logged in. Asks for the use case `OPEN_DATA`.
ANONYMOUS = Actor("anonymous")

#: The hub's own schedule. No account can have such an id, and nothing is open to it but what policies name.
JOBS = Actor("job:schedule", "Zeitplan")

#: Checks data by the rules that their owners declared. Nobody can log in under such a name: accounts have no colon.
QUALITY_JOB = Actor("job:quality", "Qualitätsprüfung")

#: Fetches messages of devices from brokers elsewhere, and notes what became of commands.
DEVICE_JOB = Actor("job:devices", "Geräte")
