"""Certificates and private keys: how strong they are, how long they hold, and that they are there."""
