"""Shocks that reach some entities at a known time."""
