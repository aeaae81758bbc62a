"""North: one folder per interface; each exposes `INTERFACE` and is registered by being here."""
