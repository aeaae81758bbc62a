"""Records of one silo to entries of a register of the city: streets by name, addresses by street and house number."""

from nabe.linking.comparing import Comparison, compare
from nabe.linking.matching import Link, Outcome, Record, match
from nabe.linking.names import Address, address, normalised
from nabe.linking.register import Entry, Register
from nabe.linking.review import read_review, write_review

__all__ = [
    "Address",
    "Comparison",
    "Entry",
    "Link",
    "Outcome",
    "Record",
    "Register",
    "address",
    "compare",
    "match",
    "normalised",
    "read_review",
    "write_review",
]
