"""Spatial weights, spatial autocorrelation and spatial panel models."""
