"""Write one HTML page about one run."""
