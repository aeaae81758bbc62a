"""Judgement: who may do what with which data for which purpose. Pure functions; no I/O, no clock (time is an argument)."""
