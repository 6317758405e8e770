"""Told at once, once, and why: what becomes of transitions, from who wants them to who got them."""
