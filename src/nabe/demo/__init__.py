"""Musterstadt: a synthetic model city with real silos (files, databases, services over HTTP as processes).

Nothing is imported here: each service is a process that begins in this package and must stay small.
"""
