"""Planner for clinics that give ketamine-assisted therapy: linked courses, rosters, calendars.

The rooms and the arrows between them are checked; see the import contract in ``pyproject.toml``.
"""
