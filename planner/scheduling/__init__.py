"""Pure planning: sheets of facts in, proposals and decisions out. No input, no output, no clock of its own.

Inside this room an instant is a whole number of minutes since 1970-01-01T00:00Z (`planner.domain.intervals`), so that
sets of instants can be whole numbers too (`masks`). Spans are half-open pairs of such minutes.
"""
