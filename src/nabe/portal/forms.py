"""Forms: read them, and only from Nabe's own pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request

from nabe.errors import Denied


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form, the last of each name; `Denied` if another site sent it.

    The guard watches requests with a session; this also keeps a stranger's site from logging somebody in.
    """
    _own_pages(request)
    form = await request.form(max_files=0, max_fields=50)
    return {key: value for key, value in form.multi_items() if isinstance(value, str)}


async def upload_of(request: Request, name: str) -> UploadFile | None:
    """The file of a posted form, on disk as soon as it is large; None if none was chosen. Close it.

    Find out first whether the asker may send one: until then nothing of it is read.
    """
    _own_pages(request)
    form = await request.form(max_files=1, max_fields=10)
    found = form.get(name)
    return found if isinstance(found, UploadFile) and found.filename else None


def _own_pages(request: Request) -> None:
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    foreign = origin not in (None, "null") and urlsplit(str(origin)).netloc != request.headers.get("host")
    if site not in ("same-origin", "none") or (foreign and "sec-fetch-site" not in request.headers):
        raise Denied("This form came from another site.")


def own_path(path: str) -> str:
    """A path of this site to go back to; `/` for anything else."""
    parts = urlsplit(path)
    fine = path.startswith("/") and not path.startswith("//") and "\\" not in path and not parts.netloc
    return path if fine and path.isprintable() else "/"
