"""How large a term may be. Nothing here recurses, so that no term is too deep to be refused."""

from __future__ import annotations

from typing import Final

from nabe.errors import Invalid
from nabe.model.term import Call, Literal, Term

#: How deeply operators and functions may be nested; `a and b and c …` counts once, however long.
DEPTH: Final = 64
#: How many operators, functions, paths and literals there may be (members of a list of `in` excepted).
SIZE: Final = 5_000
#: How many members a list of `in` may have.
MEMBERS: Final = 200_000
#: Longest text of a literal, in characters.
TEXT: Final = 65_536
_CHAINS = frozenset({"and", "or"})


def check(term: Term) -> None:
    """`Invalid` if a term is larger than can be answered, or holds text that no database keeps."""
    left: list[tuple[Term, int, str]] = [(term, 1, "")]
    size = 0
    while left:
        part, depth, above = left.pop()
        size += 1
        if size > SIZE:
            raise Invalid(f"The expression has more than {SIZE} parts.", hint="Ask several smaller questions.")
        if isinstance(part, Call):
            if part.name in _CHAINS and part.name == above:
                depth -= 1
            if depth > DEPTH:
                raise Invalid(f"The expression is nested more than {DEPTH} deep.", hint="Take out parentheses.")
            if part.name == "in" and len(part.args) > 2:
                left.append((part.args[0], depth + 1, part.name))
                _members(part)
            else:
                left.extend((arg, depth + 1, part.name) for arg in part.args)
        elif isinstance(part, Literal):
            _literal(part)


def _members(call: Call) -> None:
    if len(call.args) > MEMBERS:
        raise Invalid(f"A list of 'in' has more than {MEMBERS} members.", hint="Ask several smaller questions.")
    for member in call.args[1:]:
        if not isinstance(member, Literal):
            raise Invalid("A list of 'in' may only hold literals.", hint="Write it with 'or'.")
        _literal(member)


def _literal(literal: Literal) -> None:
    if not isinstance(literal.value, str):
        return
    if len(literal.value) > TEXT:
        raise Invalid(f"A text is longer than {TEXT} characters.")
    if "\0" in literal.value:
        raise Invalid("A text holds a NUL character, which no stored text does.")
    if not literal.value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in literal.value):
        raise Invalid("A text holds half a character (a lone surrogate).", hint="Send UTF-8.")


def chain(name: str, term: Call) -> list[Term]:
    """The parts of `a and b and c …` (or `or`), however it is bracketed, in order."""
    parts: list[Term] = []
    left: list[Term] = [term]
    while left:
        part = left.pop()
        if isinstance(part, Call) and part.name == name:
            left.extend(reversed(part.args))
        else:
            parts.append(part)
    return parts


def joined(word: str, parts: list[str]) -> str:
    """`(a AND b)`, bracketed as a balanced tree: engines limit how deep an expression may be."""
    while len(parts) > 1:
        parts = [f"({f' {word} '.join(parts[at : at + 2])})" for at in range(0, len(parts), 2)]
    return parts[0]
