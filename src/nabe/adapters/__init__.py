"""South: one folder per kind of silo, found through the entry point group `nabe.adapters`."""
