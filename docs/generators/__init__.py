"""Scripts that write pages: reference and examples at each build, evidence by `make evidence`."""
