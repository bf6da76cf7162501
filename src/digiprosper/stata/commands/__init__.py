"""Commands of Stata, one file a family."""
