"""Tests of unit roots in panels."""
