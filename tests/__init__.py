"""The tests, by what they state."""
