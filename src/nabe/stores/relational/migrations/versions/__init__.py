"""Migrations of the relational store, run by Alembic."""
