"""Freeze a protocol, gather the records made under it, and render them."""
