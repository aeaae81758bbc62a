"""Every interface: registered by being there, every route probed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.routing import Match, Mount

from nabe import apis
from nabe.app import interfaces

#: Found by being there: a new one is under these tests, and under the leak suite, without being named anywhere.
INTERFACES = {item.id: item for item in interfaces()}


def flat(routes, prefix=""):
    for route in routes:
        if isinstance(route, Mount) and hasattr(route.app, "routes"):
            yield from flat(route.app.routes, prefix + route.path)
        else:
            yield prefix, route


def test_what_lies_in_the_folders_of_the_north_is_registered():
    folders = {item.name for item in Path(apis.__path__[0]).iterdir() if (item / "__init__.py").is_file()}
    assert len(INTERFACES) == len(folders) + 1 and "portal" in INTERFACES


@pytest.mark.parametrize("id", INTERFACES)
def test_every_route_of_an_interface_is_probed(town, id):
    interface = INTERFACES[id]
    served = town.app.state.services
    missing = []
    for prefix, route in flat(interface.routes(served)):
        for method in getattr(route, "methods", {"GET"}) - {"HEAD"}:
            for probe in interface.probes:
                path = re.sub(r"\{\w+\}", "x", probe.path.split("?")[0]).removeprefix(prefix)
                scope = {"type": "http", "method": probe.method, "path": path, "headers": [], "root_path": ""}
                if probe.method == method and route.matches(scope)[0] is Match.FULL:
                    break
            else:
                missing.append(f"{method} {prefix}{route.path}")
    assert not missing


@pytest.mark.parametrize("id", INTERFACES)
def test_an_interface_lives_below_its_prefix_and_has_titles_in_both_languages(id):
    interface = INTERFACES[id]
    assert interface.title.de and interface.title.en
    assert all(probe.path.startswith(interface.prefix) for probe in interface.probes)
