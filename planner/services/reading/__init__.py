"""Reads that need the planner's rules: windows, previews and offers as plain facts for pages."""
