"""A CKAN portal for tests: package_search, datastore_search with filters, organization_list, status; caps its pages."""

from __future__ import annotations

import json
from typing import Any

from nabe.testing.silo import Reply, Request


class Portal:
    """`tables`: resource id -> (fields, records). `most`: rows of a page, however many are asked for."""

    def __init__(
        self,
        packages: list[dict[str, Any]] | None = None,
        tables: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] | None = None,
        organizations: list[dict[str, Any]] | None = None,
        most: int = 1000,
        dkan: bool = False,
    ) -> None:
        self.packages, self.tables, self.organizations = packages or [], tables or {}, organizations or []
        self.most, self.dkan = most, dkan

    def __call__(self, request: Request) -> Any:
        action = request.path.removeprefix("/api").removeprefix("/api/3/action/")
        params = request.params
        if action == "status_show" and not self.dkan:
            return _said({"ckan_version": "2.10.4", "site_url": "x"})
        if action == "package_list":
            return _said([package.get("name") or package.get("id") for package in self.packages])
        if action == "package_search" and not self.dkan:
            found = self.packages
            if "q" in params:
                found = [item for item in found if params["q"].lower() in json.dumps(item).lower()]
            page = self._page(found, params.get("start"), params.get("rows", "10"))
            return _said({"count": len(found), "results": page})
        if action == "current_package_list_with_resources":
            return _said(self._page(self.packages, params.get("offset"), params.get("limit", "1000")))
        if action == "organization_list":
            if params.get("all_fields") != "true":
                return _said([item["name"] for item in self.organizations])
            return _said(self._page(self.organizations, params.get("offset"), params.get("limit", "25")))
        if action == "datastore_search":
            return self._datastore(params)
        return Reply({"help": "", "success": False, "error": {"__type": "Not Found Error"}}, 404)

    def _datastore(self, params: dict[str, str]) -> Any:
        if params["resource_id"] not in self.tables:
            return Reply({"help": "", "success": False, "error": {"message": "Not found"}}, 404)
        fields, records = self.tables[params["resource_id"]]
        kinds = {item["id"]: item["type"] for item in fields}
        found = records
        for name, wanted in json.loads(params.get("filters", "{}")).items():
            if name not in kinds:
                return Reply({"success": False, "error": {"__type": "Validation Error"}}, 409)
            values = wanted if isinstance(wanted, list) else [wanted]
            kind = {"text": str, "int8": int, "int4": int, "bool": bool}.get(kinds[name])
            if kind is None or not all(type(value) is kind for value in values):
                return Reply({"success": False, "error": {"__type": "Validation Error"}}, 409)
            found = [item for item in found if item.get(name) in values and item.get(name) is not None]
        if params.get("sort") != "_id asc":
            found = found[::-1]
        page = self._page(found, params.get("offset"), params.get("limit", "100"))
        return _said({"fields": fields, "records": page, "total": len(found), "limit": 0})

    def _page(self, found: list[Any], start: str | None, size: str) -> list[Any]:
        first = int(start or 0)
        return found[first : first + min(int(size), self.most)]


def _said(result: Any) -> dict[str, Any]:
    return {"help": "https://portal.example/help", "success": True, "result": result}
