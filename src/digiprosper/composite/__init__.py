"""Composite indices: indicators to scores, their weights' errors, ranks."""
