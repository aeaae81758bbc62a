"""What all documents share: words, ids, settings, and how a field that is left empty is taken."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from nabe.manifest.reading import as_written, without_writing
from nabe.model.text import Text

ID = r"^[a-z][a-z0-9_-]{0,62}$"
DATASET_ID = r"^[a-z][a-z0-9_]{0,62}$"


def _text(value: Any) -> Any:
    value = as_word(value)
    return {"de": value} if isinstance(value, str) else value


def as_word(value: Any) -> Any:
    """What YAML took for a number keeps its writing where it is text: a code 1.10 is not 1.1."""
    if isinstance(value, bool):
        raise ValueError(f"text is expected; put {str(value).lower()} in quotes if it is meant as text")
    return as_written(value)


Word = Annotated[str, BeforeValidator(as_word)]
#: Settings of adapters and of the server: whatever they like.
Settings = Annotated[dict[str, Any], BeforeValidator(without_writing)]
Id = Annotated[str, Field(pattern=ID, description="lower-case letters, digits, - and _")]
DatasetId = Annotated[str, Field(pattern=DATASET_ID, description="lower-case letters, digits and _; its name in SQL")]


class Document(BaseModel):
    """What all share."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _given(cls, data: Any) -> Any:
        """A field with nothing behind its colon is as good as left out."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class TextDoc(Document):
    """A text in German, perhaps in English too; a plain string is German."""

    de: Word = ""
    en: Word = ""

    def noun(self) -> Text:
        return Text(self.de, self.en)


_TEXT_SCHEMA = {
    "description": "a text in German, or German and English apart",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"de": {"type": "string"}, "en": {"type": "string"}},
            "additionalProperties": False,
        },
    ],
}
Words = Annotated[TextDoc, BeforeValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]
