"""Dynamic panels with short T: difference and system GMM, corrected estimators."""
