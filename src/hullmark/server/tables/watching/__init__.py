"""Tables of watched tags and repositories, and of hooks."""
