"""Array computations of models of counts."""
