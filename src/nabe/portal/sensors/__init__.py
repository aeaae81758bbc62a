"""Sensors for people: where they stand, what they measure now, and how it went."""
