"""Tests of U-shaped and inverted U-shaped relations."""
