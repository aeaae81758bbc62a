"""Text in the languages of the portal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A title or description; German is the city's language, English may be absent."""

    de: str = ""
    en: str = ""

    def in_(self, lang: str) -> str:
        """The text in `lang`, else in the other language, else empty."""
        return (self.en or self.de) if lang == "en" else (self.de or self.en)

    def __bool__(self) -> bool:
        return bool(self.de or self.en)
