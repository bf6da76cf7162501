"""Array computations of the linear method; no pandas here."""
