"""Plain reads: records and rows out, nothing changed."""
