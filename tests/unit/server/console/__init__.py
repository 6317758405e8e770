"""The console: pages, and the charts on them."""
