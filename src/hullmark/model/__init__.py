"""The shared data types that every other room passes on. Standard library and msgspec only."""
