"""SOAP: web services described by a WSDL, as many department applications of the years before REST offer them."""

from __future__ import annotations

from nabe.adapters.soap.adapter import SoapAdapter

__all__ = ["SoapAdapter"]
