"""Work that takes longer than a request: done in a process of its own, with its own transactions."""
