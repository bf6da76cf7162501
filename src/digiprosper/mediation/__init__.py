"""Mediation: effects of a treatment through mediators."""
