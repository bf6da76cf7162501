"""Linear models with absorbed fixed effects: the one method that others stand on."""
