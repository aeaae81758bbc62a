"""Data catalogues on CKAN: what a portal lists, and tables in its datastore."""

from __future__ import annotations

from nabe.adapters.ckan.adapter import CkanAdapter

__all__ = ["CkanAdapter"]
