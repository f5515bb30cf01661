"""Nouns and rules of the clinic: standard library only, no input or output."""
