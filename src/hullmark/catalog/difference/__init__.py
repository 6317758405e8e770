"""Two images side by side: inventories → what differs between them."""
