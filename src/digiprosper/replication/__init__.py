"""A folder that rebuilds the tables and figures of a paper."""
