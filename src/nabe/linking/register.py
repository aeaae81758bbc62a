"""A register: keys of streets with their names, other names, and where they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nabe.linking.names import hint, normalised


@dataclass(frozen=True, slots=True)
class Entry:
    """A street, or the stretch of one that lies in one district or postcode; several entries may share a key.

    `aliases`: former and other names. `numbers`: ranges of house numbers (first, last), both included, by `even`/`odd`
    side where the register tells them apart; empty: not known.
    """

    key: str
    name: str
    postcode: str = ""
    district: str = ""
    aliases: tuple[str, ...] = ()
    numbers: tuple[tuple[int, int, str], ...] = field(default=())

    def has_number(self, number: int) -> bool | None:
        """Does the house lie on this stretch? None if the register does not say."""
        if not self.numbers or not number:
            return None
        side = "even" if number % 2 == 0 else "odd"
        return any(first <= number <= last and which in ("", side) for first, last, which in self.numbers)


class Register:
    """Entries, found by every spelling of their names. `spellings` are distinct, in a fixed order."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        found: dict[str, list[int]] = {}
        self.hints: dict[int, str] = {}
        self.former: set[tuple[str, int]] = set()
        for position, entry in enumerate(self.entries):
            for name in (entry.name, *entry.aliases):
                spelling = normalised(name)
                if not spelling:
                    continue
                positions = found.setdefault(spelling, [])
                if position not in positions:
                    positions.append(position)
                if name != entry.name:
                    self.former.add((spelling, position))
            if said := hint(entry.name):
                self.hints[position] = said
        self._found = {spelling: tuple(positions) for spelling, positions in found.items()}
        self.spellings = tuple(sorted(self._found))

    def spelt(self, spelling: str) -> tuple[int, ...]:
        """Positions of the entries with this normalised name."""
        return self._found.get(spelling, ())

    def keys(self, positions: Iterable[int]) -> tuple[str, ...]:
        """The distinct keys of entries, in order."""
        return tuple(dict.fromkeys(self.entries[position].key for position in positions))


def names_in(cell: str) -> tuple[str, ...]:
    """Former and other names that share a cell, divided by `;` or `|`."""
    return tuple(name.strip() for name in cell.replace("|", ";").split(";") if name.strip())
