"""A web server of plain files with ETag: the neighbour's CSV and JSON, the road authority's DATEX II."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from nabe.demo.services.answering import Asked, Reply, Service, Wrong

_MEDIA = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".xml": "application/xml",
    ".txt": "text/plain; charset=utf-8",
}


def service(folder: Path) -> Service:
    """The files of a folder; nothing is listed."""

    def answer(asked: Asked) -> Reply:
        parts = PurePosixPath(asked.path).parts[1:]
        path = folder.joinpath(*parts)
        if not parts or ".." in parts or path.suffix not in _MEDIA or not path.is_file():
            raise Wrong(404, "There is no such file.")
        return Reply(path.read_bytes(), media=_MEDIA[path.suffix])

    changed = (
        (b"ortsteil,name,", b"gebiet,name,"),
        (b'"plaetze_u3"', b'"krippe"'),
        (b"situationRecord", b"situationEntry"),
    )
    return Service(answer, changed)
