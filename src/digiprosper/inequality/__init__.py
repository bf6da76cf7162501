"""Measures of inequality, their decompositions, convergence."""
