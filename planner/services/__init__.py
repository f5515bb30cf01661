"""Use cases, one verb each: load, decide, change, record. Services flush; only the doors commit."""
