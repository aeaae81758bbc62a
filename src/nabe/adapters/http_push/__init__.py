"""Devices and services that post JSON of any kind to Nabe, by a declared mapping."""

from __future__ import annotations

from nabe.adapters.http_push.adapter import HttpPushAdapter

__all__ = ["HttpPushAdapter"]
