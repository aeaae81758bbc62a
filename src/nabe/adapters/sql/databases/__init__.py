"""One file per kind of database: how it connects read-only, describes, casts, streams, estimates and fails."""
