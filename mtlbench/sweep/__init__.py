"""Run a grid of experiments as one job, on this machine or on a cluster."""
