"""What the exchange costs, measured beside the limit that the same machine sets: `python -m bench`."""
