"""Nouns of the hub: frozen dataclasses, stdlib and pyarrow only. Nothing here does I/O or knows the time."""
