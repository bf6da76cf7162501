"""Counts and other outcomes that are zero or more, and binary outcomes."""
