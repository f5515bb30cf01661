"""The planner for servers in tests, on the database of DATABASE_URL, with the clock standing where the cast's does."""

from config import Settings
from planner.app import create_app
from tests.support.cast import NOW

app = create_app(Settings.from_environment(), clock=lambda: NOW)
