"""Frozen specifications whose `fit` returns results."""
