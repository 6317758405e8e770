"""An image of many ecosystems: packages made here, installed by real package managers, beside what those list. See `build.py`."""
