"""Nouns and rules of the clinic: standard library only, no input or output."""

from planner.domain.zonedata import use_pinned_data

use_pinned_data()
