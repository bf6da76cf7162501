"""Tables and figures: reads results and nothing else."""
