"""REST interfaces that answer with JSON: applications of departments, municipal companies, private providers."""

from __future__ import annotations

from nabe.adapters.http_json.adapter import HttpJsonAdapter

__all__ = ["HttpJsonAdapter"]
