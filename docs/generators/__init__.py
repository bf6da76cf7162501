"""Scripts that write pages: reference and examples each build, else `make evidence`."""
