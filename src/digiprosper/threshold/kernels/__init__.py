"""Array computations of threshold and kink regression."""
