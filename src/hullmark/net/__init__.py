"""The one HTTP client: limits, retries, proxies, own CAs, typed errors. Nothing else opens a connection."""
