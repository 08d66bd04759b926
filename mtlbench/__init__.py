"""Compare parameter-efficient multi-task dense prediction on equal terms."""

__version__ = "0.1.0"
