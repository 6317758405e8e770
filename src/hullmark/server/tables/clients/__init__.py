"""Tables that only clients of other protocols need: Anchore's subscriptions, Harbor's scans."""
