"""Array computations of dynamic panels."""
