"""Look into a silo that is not yet declared and propose a dataset for it, with findings a person can judge."""

from nabe.profile.findings import Finding, Severity
from nabe.profile.given import with_given
from nabe.profile.propose import Proposal, propose
from nabe.profile.sketch import KeySketch, read_sketches, write_sketches

__all__ = ["Finding", "KeySketch", "Proposal", "Severity", "propose", "read_sketches", "with_given", "write_sketches"]
