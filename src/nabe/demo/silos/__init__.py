"""The silos of the model city: one module each, writing the town as that department keeps it, with its own quirks."""
