"""The console: pages for people, over the same stories and rights as the API."""
