"""Where Nabe keeps and joins data: implementations of the catalogue, ledger, identity and engine ports."""
