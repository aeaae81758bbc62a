"""The pages in a real browser: WCAG 2.2 AA by axe, keyboard, phone width, nothing from elsewhere, no CSP error."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"

#: page -> (address, who, use case)
PAGES = {
    "start": ("/", "", ""),
    "datasets": ("/datasets", "", ""),
    "nothing found": ("/datasets?q=gibtsnicht", "", ""),
    "dataset": ("/datasets/districts", "", ""),
    "points": ("/datasets/kitas", "", ""),
    "silo down": ("/datasets/old_maps", "", ""),
    "preview": ("/datasets/kitas/preview", "", ""),
    "use cases": ("/usecases", "", ""),
    "use case": ("/usecases/assistance", "", ""),
    "copies": ("/datasets/districts/copies", "", ""),
    "systems": ("/systems", "", ""),
    "system": ("/systems/geodaten", "", ""),
    "sensors": ("/sensors", "", ""),
    "sensor": ("/sensors/1?span=week", "", ""),
    "transparency": ("/transparency", "", ""),
    "query": ("/query?sql=SELECT+name+FROM+districts", "", ""),
    "log in": ("/login", "", ""),
    "not found": ("/gibtsnicht", "", ""),
    "refused": ("/datasets/households", "planerin", ""),
    "product": ("/datasets/assistance_by_district", "planerin", "assistance"),
    "profile": ("/profile", "planerin", "assistance"),
    "personal": ("/datasets/households", "owner", "case_work"),
    "consent": ("/usecases/heat", "owner", ""),
    "deliver": ("/datasets/kitas/deliver", "owner", ""),
    "quality": ("/datasets/kitas", "owner", ""),
    "tasks": ("/tasks", "owner", ""),
    "no tasks": ("/tasks", "planerin", ""),
}


class Visit:
    """A browser window that notes what it should not see: foreign hosts, console errors, script errors."""

    def __init__(self, browser, base, nabe, who="", case="", **options):
        self.base = base
        self.context = browser.new_context(**({"base_url": base, "locale": "de-DE"} | options))
        self.complaints = []
        if who:
            self._session(nabe, who)
        if case:
            self.context.add_cookies([{"name": "nabe_use_case", "value": case, "url": base}])
        self.page = self.context.new_page()
        self.page.on("request", self._request)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _session(self, nabe, who):
        import datetime as dt

        now = dt.datetime.now(dt.UTC)
        _, secret = nabe.identity.create_token(who, "session", at=now, expires=now + dt.timedelta(hours=1))
        self.context.add_cookies([{"name": "nabe_session", "value": secret, "url": self.base}])

    def _request(self, request):
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.complaints.append(f"asked {request.url}")

    def _console(self, message):
        # A page that is itself a 404 or 401 is reported as a failed load; that is its point.
        if message.type == "error" and "the server responded with a status of 40" not in message.text:
            self.complaints.append(message.text)

    def go(self, path):
        self.page.goto(path)
        # The map of sensors keeps a connection for what comes: that network is never idle.
        self.page.wait_for_load_state("load" if path.startswith("/sensors?") or path == "/sensors" else "networkidle")
        if self.page.query_selector("#sensors"):
            self.page.wait_for_selector("#sensors[data-ready], #sensors.map--failed")
        for chart in self.page.query_selector_all(".series__chart"):
            chart.wait_for_selector("figcaption:not(:empty)")
        if self.page.query_selector("#map"):
            self.page.wait_for_selector("#map[data-ready], #map.map--failed")
        return self.page

    def violations(self):
        self.page.evaluate(AXE)
        found = self.page.evaluate(f"axe.run(document, {RULES})")["violations"]
        return [(item["id"], [node["html"][:150] for node in item["nodes"]][:3]) for item in found]


@pytest.fixture
def visit(browser, served, nabe):
    opened = []

    def go(**options):
        opened.append(Visit(browser, served, nabe, **options))
        return opened[-1]

    yield go
    for window in opened:
        window.context.close()


def _windows(visit, **options):
    """A window per reader, so that files are fetched once, with the pages to look at in it."""
    readers = dict.fromkeys((who, case) for _, who, case in PAGES.values())
    for reader in readers:
        window = visit(who=reader[0], case=reader[1], **options)
        yield window, {name: path for name, (path, *rest) in PAGES.items() if tuple(rest) == reader}
        window.context.close()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_pages_are_accessible_in_both_themes_and_ask_nobody_else(visit, lang):
    for window, pages in _windows(visit, locale=lang):
        for name, path in pages.items():
            page = window.go(path)
            assert page.evaluate("document.documentElement.lang") == lang
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert window.violations() == [], f"{name} ({lang}, {scheme})"
            assert window.complaints == [], f"{name} ({lang})"


def test_a_phone_never_scrolls_sideways(visit):
    for window, pages in _windows(visit, viewport={"width": 375, "height": 700}):
        for name, path in pages.items():
            page = window.go(path)
            for width in (375, 320):
                page.set_viewport_size({"width": width, "height": 700})
                wide, shown = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
                assert wide <= shown, f"{name}: {wide} > {shown}"


def test_the_keyboard_reaches_the_content_first_and_then_everything(visit):
    page = visit().go("/datasets/districts")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.tagName, e.className, s.outlineStyle + s.outlineWidth + s.boxShadow]; })()"
        )
        if outline[0] == "BODY":
            break
        assert outline[2] not in ("none0pxnone", "none3pxnone"), f"no visible focus on {outline}"
        seen.add((outline[0], outline[1]))
    assert any("maplibregl-canvas" in name for _, name in seen), "the map can be reached"
    assert any(tag == "SUMMARY" for tag, _ in seen) and any("copy" in name for _, name in seen)


def test_features_of_the_map_can_be_walked_without_a_mouse(visit):
    page = visit().go("/datasets/districts")
    page.get_by_role("button", name="Weiter").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".map__panel:not([hidden])")
    assert "Altstadt" in page.inner_text(".map__panel") and "4.200" in page.inner_text(".map__panel")
    assert "1 von 8" in page.inner_text(".map__tools")


def test_the_map_follows_the_keyboard_and_draws_in_the_worker(visit):
    window = visit(color_scheme="dark")
    page = window.go("/datasets/kitas")
    page.focus(".maplibregl-canvas")
    page.keyboard.press("+")
    page.wait_for_timeout(400)
    assert window.complaints == []


def test_search_is_live_keeps_the_focus_and_the_address(visit):
    page = visit().go("/datasets")
    page.fill("#q", "kita")
    expect(page.locator(".results__count")).to_contain_text("1 Datensatz")
    assert "q=kita" in page.url and page.evaluate("document.activeElement.id") == "q"
    page.fill("#q", "")
    expect(page.locator(".results__count")).to_contain_text("5 Datensätze")
    page.check("#spatial-1")
    expect(page.locator(".results__count")).to_contain_text("3 Datensätze")
    assert page.evaluate("document.activeElement.id") == "spatial-1"


def test_examples_are_copied_and_it_is_said(visit):
    window = visit(permissions=["clipboard-read", "clipboard-write"])
    page = window.go("/datasets/districts")
    page.get_by_role("button", name="Kopieren").first.click()
    expect(page.locator("#said")).to_have_text("Kopiert")
    assert "/download/districts.csv" in page.evaluate("navigator.clipboard.readText()")


def test_the_theme_button_offers_what_is_not_seen(visit):
    page = visit(color_scheme="dark").go("/")
    page.get_by_role("button", name="Helle Darstellung").click()
    page.wait_for_selector("html[data-kern-theme=light]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in ("rgb(255, 255, 255)", "oklch(1 0 0)")


def test_pages_work_without_scripts(visit):
    page = visit(java_script_enabled=False).go("/datasets?q=kita")
    page.get_by_role("link", name="Kindertagesstätten").click()
    page.get_by_role("link", name="Vorschau auf eigener Seite öffnen").click()
    assert "Kita Altstadt 1" in page.inner_text("main")
