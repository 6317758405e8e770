"""The nouns of the house: what every other room hands on. Standard library and msgspec only."""
