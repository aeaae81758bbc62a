"""The silos of the model city that speak HTTP: small processes of their own, made of the standard library alone."""
