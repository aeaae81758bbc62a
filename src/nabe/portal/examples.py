"""Examples to copy: the same dataset with curl, Python, QGIS and SQL, with this server's real addresses."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from nabe.model.dataset import Access, Dataset
from nabe.portal.frame import Frame

_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Example:
    """`id` names the title and explanation in `locale`; `language` is the code's."""

    id: str
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class Examples:
    """`steps` for QGIS is an address to enter; `sql_link` opens the question in the portal."""

    items: tuple[Example, ...]
    collection: str
    sql_link: str
    needs_token: bool
    use_case: str


def examples_of(dataset: Dataset, readable: tuple[str, ...], frame: Frame, base: str) -> Examples:
    """Examples for this dataset and use case. A dataset that is not open needs a token and the use case."""
    root = base.rstrip("/")
    closed = dataset.access is not Access.OPEN
    case = "" if frame.open_data else frame.asker.use_case
    case = case or ("USE_CASE" if closed else "")
    headers = _headers(case if closed or case else "", closed)
    spatial = dataset.geometry is not None
    sql = _select(dataset, readable)
    items = [
        Example("curl", "bash", _curl(f"{root}/download/{dataset.id}.csv", headers, f"-o {dataset.id}.csv")),
        Example("python", "python", _python(root, dataset.id, headers, spatial)),
        Example("sql", "bash", _curl(f"{root}/sql?f=csv", headers, f"--data-raw '{_quoted(sql)}'", text=True)),
    ]
    return Examples(
        tuple(items),
        f"{root}/ogc/" if spatial else f"{root}/download/{dataset.id}.csv",
        f"/query?{urlencode({'sql': sql})}",
        closed,
        case,
    )


def _headers(case: str, closed: bool) -> dict[str, str]:
    headers = {"Authorization": "Bearer $NABE_TOKEN"} if closed else {}
    return headers | ({"Nabe-Use-Case": case} if case else {})


def _curl(url: str, headers: dict[str, str], ending: str, *, text: bool = False) -> str:
    lines = [f"curl '{url}'"]
    lines += ["-H 'Content-Type: text/plain'"] if text else []
    lines += [f'-H "{name}: {value}"' for name, value in headers.items()]
    return " \\\n  ".join([*lines, ending])


def _python(root: str, id: str, headers: dict[str, str], spatial: bool) -> str:
    plain = {name: value.replace("$NABE_TOKEN", "…") for name, value in headers.items()}
    if spatial:
        lines = ["import io, geopandas, requests", ""]
        tail = ["table = geopandas.read_file(io.BytesIO(answer.content))", "table.plot()"]
        extension = "geojson"
    else:
        lines = ["import io, pandas, requests", ""]
        tail = ["table = pandas.read_csv(io.BytesIO(answer.content))", "print(table.head())"]
        extension = "csv"
    asked = f'answer = requests.get("{root}/download/{id}.{extension}"'
    if plain:
        body = "".join(f'\n    "{name}": "{value}",' for name, value in plain.items())
        asked += f", headers={{{body}\n}}"
    return "\n".join([*lines, asked + ")", "answer.raise_for_status()", *tail])


def _select(dataset: Dataset, readable: tuple[str, ...]) -> str:
    shape = dataset.geometry
    names = [name for name in readable if shape is None or name != shape.name][:_FIELDS]
    return f"SELECT {', '.join(names) or '*'}\nFROM {dataset.id}\nLIMIT 100"


def _quoted(sql: str) -> str:
    return sql.replace("\n", " ").replace("'", "'\\''")
