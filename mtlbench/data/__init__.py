"""Carry samples from datasets to batches: views, transforms, sampling, collation, caching and downloading."""
