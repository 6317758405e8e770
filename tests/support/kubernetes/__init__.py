"""A Kubernetes API server for tests, without a cluster behind it: objects, lists, watches and patches as the real one has them.

kmock (PyPI) was looked at first: its emulator merges dictionaries only, keeps no history, and knows no resource versions, pages, bookmarks
or 410, no TLS and no users, which are what an inventory has to get right.

There are no controllers, no kubelet and no garbage collector: what a Deployment would make, a test makes. Server-side apply and tables are
refused; protobuf is not spoken.
"""
