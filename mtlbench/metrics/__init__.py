"""Streaming meters, one file per family, and the multi-task metric Δm."""
