"""Services in real images: what they open while they work, beside what `hullmark minimize` says that they reach. See `main.py`."""
