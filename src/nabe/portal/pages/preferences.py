"""Use case, language and theme: chosen once, kept in cookies."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nabe.portal.forms import form_of, own_path
from nabe.portal.frame import THEME, THEMES
from nabe.web.asker import USE_CASE
from nabe.web.services import services_of

_YEAR = 31_536_000


async def change(request: Request) -> Response:
    """POST /preferences: `use_case` (an id, or empty for open data) or `theme`; back to where one was."""
    form = await form_of(request)
    response = RedirectResponse(own_path(form.get("back", "/")), 303)
    if "theme" in form:
        theme = form["theme"] if form["theme"] in THEMES else ""
        _keep(request, response, THEME, theme)
    if "use_case" in form:
        # Nothing is granted by naming a purpose: the hub decides for every question whether it is the asker's.
        wanted = form["use_case"][:200]
        _keep(request, response, USE_CASE, wanted if wanted.isascii() and wanted.isprintable() else "")
    return response


def _keep(request: Request, response: Response, name: str, value: str) -> None:
    if not value:
        response.delete_cookie(name, path="/")
        return
    secure = services_of(request).settings.secure_cookies
    response.set_cookie(name, value, max_age=_YEAR, samesite="lax", httponly=True, path="/", secure=secure)
