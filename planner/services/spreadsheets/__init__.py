"""Spreadsheets in and out: CSV per kind, read with patience, checked whole before anything is written."""
