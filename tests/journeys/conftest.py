"""Journeys over HTTP use the same app, cast and browsers as the tests of the pages."""

from tests.web.conftest import app, cast, client, clock, one_app, sign_in

__all__ = ["app", "cast", "client", "clock", "one_app", "sign_in"]
