"""Array computations of composite indices."""
