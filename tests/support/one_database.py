"""A mark for tests that only look at pages: those do not depend on the database, so one is enough."""

import pytest

ON_ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
