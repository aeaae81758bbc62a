"""Nabe: one hub for a city's many pots of data, linked and governed through one door."""

__version__ = "0.1.0"
