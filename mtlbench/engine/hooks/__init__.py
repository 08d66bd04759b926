"""What happens around a training step, one concern per file."""
