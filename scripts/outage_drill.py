"""Outage drill: breaks each silo of the model city in turn and writes down what users see.

    python scripts/outage_drill.py FOLDER [--only SYSTEM ...] [--moods MOOD ...] [--report docs/outage-drill.md]
        [--screenshots DIR]

FOLDER: a workspace of `nabe demo`; it is built if it is not there. Everything runs on loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import os
import re
import shutil
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from nabe import manifest
from nabe.app import asgi, open_workspace
from nabe.cli.workspace import apply_files
from nabe.demo.accounts import PASSWORD
from nabe.demo.building import build
from nabe.demo.processes import silos
from nabe.demo.running import create_accounts, free_port, say_port
from nabe.demo.services.answering import MOODS
from nabe.model.party import JOBS
from nabe.testing import servers

#: A silo is taken for healed when it is read live again; so many seconds are allowed.
PATIENCE_S = 30.0
_LOGIN = b"<!doctype html><html><head><title>Anmeldung</title></head><body><form>Kennwort</form></body></html>"
_KITA = ("kita_supply_by_district", "kita_supply", "sozialplanung")
_ROLLER = ("scooters_by_district", "scooter_parking", "ordnungsamt")
_PARKEN = ("car_parks_and_works", "parking_guidance", "tiefbau")


@dataclass(frozen=True)
class Silo:
    """What is asked of a system: a dataset (for a use case, as an account), and a product that joins it.

    `path`: its file in `silos/` where it is one, `rename`: what is called differently when it is `changed`.
    """

    system: str
    dataset: str
    who: tuple[str, str] = ("open-data", "")
    product: tuple[str, str, str] | None = None
    path: str = ""
    rename: tuple[str, str] = ("", "")


SILOS = (
    Silo("parkleitsystem", "car_park_free", product=_PARKEN),
    Silo("geoportal", "tree_checks"),
    Silo("geoportal", "bathing_waters"),
    Silo("sensordienst", "sensors"),
    Silo("roller_anbieter", "scooters", product=_ROLLER),
    Silo("roller_meldung", "scooter_states", ("scooter_parking", "ordnungsamt")),
    Silo("baustellen_datex", "state_road_works", product=_PARKEN),
    Silo("ratsinformation", "council_meetings"),
    Silo("ratsinformation", "council_committees"),
    Silo("nachbarstadt", "neighbour_kitas"),
    Silo("sozialhilfe", "assistance_households", ("kita_supply", "sozialplanung"), _KITA),
    Silo("kita_verwaltung", "kita_operators", product=_KITA, path="kita_verwaltung/kita.sqlite", rename=("traeger", "name")),
    Silo("einwohnerwesen", "population_by_age", product=_KITA, path="einwohnerwesen/einwohner_alter_2025.csv", rename=("Stadtteil", "Quartier")),
    Silo("finanzen", "budget_lines", path="finanzen/haushaltsplan.xlsx"),
    Silo("schulverwaltung", "schools", path="schulverwaltung/schulen.xlsx"),
    Silo("gesundheit", "doctors", path="gesundheit/arztpraxen.csv"),
    Silo("geodaten", "districts", product=_ROLLER, path="geodaten/stadtgrundkarte.gpkg"),
    Silo("geodaten", "playgrounds", path="geodaten/spielplaetze.geojson", rename=('"name"', '"bezeichnung"')),
    Silo("umwelt", "air_stations", path="umwelt/luftmessstationen.ndjson", rename=('"name"', '"bezeichnung"')),
    Silo("tiefbau", "road_works", ("road_works_coordination", "tiefbau"), ("road_works_conflicts", "road_works_coordination", "tiefbau"), "tiefbau/baustellen.geojson", ("baustelle", "vorhaben")),
    Silo("stadtwerke", "utility_works", ("road_works_coordination", "tiefbau"), path="stadtwerke/leitungsbau.csv", rename=("Sparte", "Gewerk")),
    Silo("ordnungsamt", "events", ("road_works_coordination", "tiefbau"), path="ordnungsamt/veranstaltungen.csv", rename=("veranstaltung,", "titel,")),
)  # fmt: skip
FILE_MOODS = ("gone", "login", "garbage", "changed")
SERVER_MOODS = ("gone", "slow")


@dataclass(frozen=True)
class Answer:
    """What HTTP said: status, since when the rows are old, seconds, and the first part of the body."""

    status: int
    stale: str
    seconds: float
    body: bytes


@dataclass(frozen=True)
class Seen:
    """One line of the report."""

    silo: Silo
    mood: str
    data: Answer
    page: str
    state: str
    product: Answer | None
    other: Answer
    healed_s: float | None
    faults: tuple[str, ...]


class Drill:
    """A served model city whose silos can be broken."""

    def __init__(self, root: Path, base: str, nabe: Any, postgres: Any) -> None:
        self.root, self.base, self.nabe, self.postgres = root, base, nabe, postgres
        self._clients: dict[str, httpx.Client] = {}
        self._well: dict[str, bytes] = {}

    def client(self, who: str) -> httpx.Client:
        """A browser in which an account is logged in; empty: nobody."""
        if who not in self._clients:
            made = httpx.Client(base_url=self.base, headers={"Sec-Fetch-Site": "same-origin"}, timeout=90)
            if who:
                form = {"name": who, "password": PASSWORD}
                made.post("/login", data=form, headers={"Accept": "text/html"})
                assert made.cookies, f"{who} cannot log in"
            self._clients[who] = made
        return self._clients[who]

    def ask(self, path: str, who: str, use_case: str, accept: str = "*/*") -> Answer:
        """One question over HTTP; status 0: the connection broke off."""
        begin = time.monotonic()
        headers = {"Accept": accept, "Accept-Language": "de", "Nabe-Use-Case": use_case}
        try:
            got = self.client(who).get(path, headers=headers)
        except httpx.HTTPError:
            return Answer(0, "", time.monotonic() - begin, b"")
        stale = got.headers.get("nabe-stale", "")
        return Answer(got.status_code, stale, time.monotonic() - begin, got.content)

    def download(self, dataset: str, who: str, use_case: str) -> Answer:
        """The rows as CSV."""
        return self.ask(f"/download/{dataset}.csv", who, use_case)

    def copies(self) -> None:
        """A copy of everything that declares copies."""
        for dataset in self.nabe.catalogue.snapshot().datasets.values():
            if dataset.snapshots is not None:
                self.nabe.hub.snapshot(JOBS, dataset.id)

    def moods(self, silo: Silo) -> tuple[str, ...]:
        """The ways in which a silo can be broken."""
        if silo.system == "sozialhilfe":
            return SERVER_MOODS if self.postgres is not None else ()
        if not silo.path:
            return MOODS
        return FILE_MOODS if silo.rename[0] else FILE_MOODS[:-1]

    @contextlib.contextmanager
    def broken(self, silo: Silo, mood: str) -> Iterator[None]:
        """The silo in that mood; well again afterwards."""
        if silo.system == "sozialhilfe":
            begin, end = (
                (self.postgres.stop, self.postgres.start)
                if mood == "gone"
                else (self.postgres.pause, self.postgres.resume)
            )
            begin()
            try:
                yield
            finally:
                end()
        elif silo.path:
            with _altered(self.root / "silos" / silo.path, mood, silo.rename):
                yield
        else:
            folder = self.root / "silos" / {"roller_meldung": "roller_anbieter"}.get(silo.system, silo.system)
            (folder / "mood").write_text(mood)
            time.sleep(0.5)
            try:
                yield
            finally:
                (folder / "mood").unlink()

    def see(self, silo: Silo, mood: str, shoot: Callable[[Silo, str], None] | None = None) -> Seen:
        """Break it, ask, heal it, and wait until it is read live again."""
        use_case, who = silo.who
        if silo.dataset not in self._well:
            self._well[silo.dataset] = self.download(silo.dataset, who, use_case).body
        elsewhere = "schools" if silo.system != "schulverwaltung" else "doctors"
        with self.broken(silo, mood):
            data = self.download(silo.dataset, who, use_case)
            page = self.ask(f"/datasets/{silo.dataset}/preview", who, use_case, "text/html")
            state = self.ask(f"/systems/{silo.system}/state", who, use_case, "text/html")
            product = self.download(silo.product[0], silo.product[2], silo.product[1]) if silo.product else None
            other = self.download(elsewhere, "", "open-data")
            if shoot is not None:
                shoot(silo, mood)
        begin, healed = time.monotonic(), None
        while time.monotonic() - begin < PATIENCE_S:
            again = self.download(silo.dataset, who, use_case)
            if again.status == 200 and not again.stale:
                healed = time.monotonic() - begin
                break
            time.sleep(0.3)
        faults = self._faults(silo, data, page, product, other, healed)
        sentence, badge = said(page.body.decode()), said(state.body.decode())
        return Seen(silo, mood, data, sentence, badge, product, other, healed, faults)

    def _faults(
        self, silo: Silo, data: Answer, page: Answer, product: Answer | None, other: Answer, healed: float | None
    ) -> tuple[str, ...]:
        """What must not be."""
        limit = self.nabe.catalogue.snapshot().systems[silo.system].limits.timeout_s
        well = self._well[silo.dataset]
        checks = (
            (data.status == 0, "the connection broke off"),
            (data.status == 500 or page.status == 500, "status 500"),
            (b"Traceback" in data.body + page.body, "a traceback"),
            (max(data.seconds, page.seconds) > limit + 2, f"longer than its time-out of {limit:g} s"),
            (data.status == 200 and not data.stale and data.body.count(b"\n") != well.count(b"\n"), "other rows, unmarked"),
            (data.status == 200 and not data.stale and _columns(data) != _columns_of(well), "other columns, unmarked"),
            (bool(silo.path) and data.status == 200 and not data.stale and data.body != well, "other values, unmarked"),
            (product is not None and product.status in (0, 500), "the product failed oddly"),
            (other.status != 200 or other.seconds > 3, "another system is disturbed"),
            (healed is None, f"not well again after {PATIENCE_S:g} s"),
        )  # fmt: skip
        return tuple(text for wrong, text in checks if wrong)


def _columns(answer: Answer) -> bytes:
    return _columns_of(answer.body)


def _columns_of(body: bytes) -> bytes:
    return body.split(b"\n", 1)[0]


@contextlib.contextmanager
def _altered(path: Path, mood: str, rename: tuple[str, str]) -> Iterator[None]:
    """A file that is gone, something else, half, or with another name in it; put back afterwards with its time."""
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    try:
        content = aside.read_bytes()
        if mood == "login":
            path.write_bytes(_LOGIN)
        elif mood == "garbage":
            path.write_bytes(content[: len(content) // 2] + b"\x00\xff<<<")
        elif mood == "changed" and path.suffix == ".sqlite":
            shutil.copy2(aside, path)
            with contextlib.closing(sqlite3.connect(path)) as database:
                database.execute(f"alter table {rename[0]} rename column {rename[1]} to {rename[1]}_neu")
                database.commit()
        elif mood == "changed":
            encoding = "utf-8" if b"\xc3" in content[:4000] else "cp1252"
            path.write_bytes(content.replace(rename[0].encode(encoding), rename[1].encode(encoding)))
        yield
    finally:
        aside.replace(path)


def said(page: str) -> str:
    """What a page tells instead of, or above, the rows: the words of its alert, hint or badge."""
    for pattern in (r'class="kern-alert [^>]*>(.*?)</div>\s*</div>', r'<span role="status">(.*?)</span>\s*(?:</p>|$)'):
        if (found := re.search(pattern, page, re.S)) is not None:
            text = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found[1], flags=re.S)
            return html.unescape(re.sub(r"\s+", " ", text)).strip()
    if (found := re.search(r'<p class="kern-hint">(.*?)</p>', page, re.S)) is not None:
        return html.unescape(re.sub(r"<[^>]+>|\s+", " ", found[1])).strip()
    return ""


@contextlib.contextmanager
def city(root: Path) -> Iterator[Drill]:
    """A model city, served on loopback in this process, its silos as processes."""
    held: list[Any] = []

    @contextlib.contextmanager
    def postgres(data: Path) -> Iterator[Any]:
        with servers.postgres(data=data, keep=True) as server:
            held[:] = [server]
            yield server

    start = postgres if servers.available_postgres() else None
    build(root, lambda step, share: None, write=manifest.write, postgres=start)
    port = free_port(28_600 + os.getpid() % 50 * 20)
    with silos(root, write=manifest.write, postgres=start) as running:
        say_port(root, port)
        with open_workspace(root) as nabe:
            apply_files(nabe)
            create_accounts(nabe.identity)
            with _served(asgi(nabe), port) as base:
                database = held[0] if held and not running.missing and _uses_postgres(nabe) else None
                yield Drill(root, base, nabe, database)


def _uses_postgres(nabe: Any) -> bool:
    return bool(nabe.catalogue.snapshot().systems["sozialhilfe"].connection.get("driver") == "postgresql")


@contextlib.contextmanager
def _served(app: Any, port: int) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), 5)):
            pass
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(15)


@contextlib.contextmanager
def camera(drill: Drill, folder: Path | None) -> Iterator[Callable[[Silo, str], None] | None]:
    """Takes pictures of the pages of a dataset and its system in Chromium; None without a folder."""
    if folder is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)

        def shoot(silo: Silo, mood: str) -> None:
            use_case, who = silo.who
            context = browser.new_context(locale="de-DE", viewport={"width": 1100, "height": 800})
            for name, value in drill.client(who).cookies.items():
                context.add_cookies([{"name": name, "value": value, "url": drill.base}])
            if who:
                context.add_cookies([{"name": "nabe_use_case", "value": use_case, "url": drill.base}])
            page = context.new_page()
            for kind, path in (("dataset", f"/datasets/{silo.dataset}"), ("system", f"/systems/{silo.system}")):
                page.goto(drill.base + path)
                page.wait_for_load_state("networkidle", timeout=60_000)
                page.screenshot(path=str(folder / f"{silo.dataset}-{mood}-{kind}.png"), full_page=True)
            context.close()

        yield shoot
        browser.close()


def report(seen: Sequence[Seen]) -> str:
    """The lines as a table."""
    head = "| system | dataset | mood | status, seconds | page says | state | product | others | well again |"
    lines = [head, "|---|---|---|---|---|---|---|---|---|"]
    for item in seen:
        stale = ", copy" if item.data.stale else ""
        page = item.page.split(" Im Wortlaut:")[0]
        product = "–"
        if item.product is not None:
            product = f"{item.product.status}{', copy' if item.product.stale else ''}, {item.product.seconds:.1f} s"
        healed = f"{item.healed_s:.1f} s" if item.healed_s is not None else "no"
        lines.append(
            f"| {item.silo.system} | {item.silo.dataset} | {item.mood} | {item.data.status}{stale}, "
            f"{item.data.seconds:.1f} s | {page} | {item.state} | {product} | "
            f"{item.other.status}, {item.other.seconds:.1f} s | {healed} |"
        )
    return "\n".join(lines) + "\n"


def drill_all(
    drill: Drill, only: Sequence[str], moods: Sequence[str], shoot: Callable[[Silo, str], None] | None = None
) -> list[Seen]:
    """All silos in all moods, or those that are named."""
    seen = []
    drill.copies()
    for silo in SILOS:
        for mood in drill.moods(silo):
            if (only and silo.system not in only) or (moods and mood not in moods):
                continue
            found = drill.see(silo, mood, shoot)
            _say(f"{silo.system} {silo.dataset} {mood}: {found.data.status} {found.page[:90]!r} {found.faults or ''}")
            seen.append(found)
    return seen


MARK = "<!-- table -->"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--moods", nargs="*", default=())
    parser.add_argument("--report", type=Path, help="its table (after a line <!-- table -->) is written anew")
    parser.add_argument("--screenshots", type=Path)
    asked = parser.parse_args()
    with city(asked.folder) as drill, camera(drill, asked.screenshots) as shoot:
        seen = drill_all(drill, asked.only, asked.moods, shoot)
    table = report(seen)
    if asked.report is None:
        _say(table)
    else:
        text = asked.report.read_text("utf-8") if asked.report.exists() else f"{MARK}\n"
        asked.report.write_text(f"{text.split(MARK)[0]}{MARK}\n\n{table}", "utf-8")
    faults = [f"{item.silo.dataset} {item.mood}: {', '.join(item.faults)}" for item in seen if item.faults]
    _say("\n".join([f"{len(seen)} drills, {len(faults)} with faults", *faults]))


if __name__ == "__main__":
    main()
