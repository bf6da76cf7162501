"""Panel threshold and kink regression."""
