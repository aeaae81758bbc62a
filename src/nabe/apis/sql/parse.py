"""The body of POST /sql."""

from __future__ import annotations

import msgspec

from nabe.errors import Invalid


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """JSON form: the SELECT, and the use case if no header names it."""

    query: str
    use_case: str = ""


def question(content_type: str, body: bytes) -> Body:
    """JSON or plain text, by content type."""
    if content_type.split(";")[0].strip().lower() == "application/json":
        try:
            found = msgspec.json.decode(body, type=Body)
            if len(found.use_case) > 200:
                raise Invalid("That is no id of a use case.", field="use_case")
            return found
        except (msgspec.DecodeError, RecursionError) as error:
            raise Invalid(
                f"The body is not what is wanted: {error}.", hint='{"query": "SELECT …"}', field="body"
            ) from None
    try:
        return Body(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid("The question is not UTF-8.", field="body") from None
