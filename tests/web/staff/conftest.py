"""A booked course for the tests of these pages."""

from tests.web.stage import booked, coordinator

__all__ = ["booked", "coordinator"]
