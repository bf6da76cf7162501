"""Arrays of spatial methods."""
