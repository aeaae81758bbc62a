"""Templates into responses: one environment, the page frame, and the words for the language asked for."""

from __future__ import annotations

import hashlib
import re
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from nabe import i18n
from nabe.model.text import Text
from nabe.portal import wording
from nabe.portal.frame import THEME, Frame, frame_of
from nabe.web.asker import LANGUAGE, USE_CASE, Asker

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_CODE = re.compile(r"`([^`]+)`")

#: Nothing from elsewhere, no inline script or style. Maps run a worker of our own and draw images from memory.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


@cache
def environment() -> jinja2.Environment:
    """Templates with escaping on; a name that is missing is an error, not an empty space."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset
    return made


@cache
def asset(name: str) -> str:
    """The address of a static file with its version, so that browsers may keep it."""
    path = STATIC / name
    version = hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "0"
    return f"/static/{name}?v={version}"


def render(request: Request, asker: Asker, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or a part of one. Asks the hub for the frame: call it in a worker thread."""
    return render_in(request, frame_of(request, asker), template, status, **values)


def render_in(request: Request, frame: Frame, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in a frame that is known already."""
    lang = frame.lang
    body = (
        environment()
        .get_template(template)
        .render(
            frame=frame,
            lang=lang,
            _=lambda key, **params: i18n.t(f"portal.{key}", lang, **params),
            n=lambda value, decimals=None: i18n.number(value, lang, decimals=decimals),
            day=lambda value: wording.day(value, lang),
            moment=lambda value: wording.moment(value, lang),
            words=partial(words, lang=lang),
            say=wording.Wording(lang),
            url=partial(url, request),
            **values,
        )
    )
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Content-Language": lang}
    response = HTMLResponse(body, status, headers)
    asked = request.query_params.get("lang")
    if asked in i18n.LANGUAGES:
        response.set_cookie(LANGUAGE, asked, max_age=31_536_000, samesite="lax", httponly=True, path="/")
    purpose = request.query_params.get("use-case")
    if purpose and purpose in {case.id for case in frame.mine}:
        # A link that names the purpose keeps it for the parts of the page that are fetched later.
        response.set_cookie(USE_CASE, purpose, samesite="lax", httponly=True, path="/")
    return response


def words(text: Text, lang: str) -> Markup | str:
    """A title or description: `names` in backticks as code, marked with its language where it is not the page's."""
    written = _CODE.sub(r"<code>\1</code>", str(escape(text.in_(lang))))
    other = (
        "de" if lang == "en" and not text.en and text.de else "en" if lang == "de" and not text.de and text.en else ""
    )
    return Markup(f'<span lang="{other}">{written}</span>' if other else written)  # noqa: S704  # escaped above


def url(request: Request, **changes: str) -> str:
    """This page's address with some parameters changed (empty: left out)."""
    params = [(key, value) for key, value in request.query_params.multi_items() if key not in changes]
    params += [(key, value) for key, value in changes.items() if value]
    return f"{request.url.path}?{urlencode(params)}" if params else request.url.path


__all__ = ["CONTENT_SECURITY_POLICY", "STATIC", "THEME", "asset", "render", "render_in"]
