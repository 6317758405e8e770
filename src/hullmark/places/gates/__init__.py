"""Gates: what may start, decided where it starts, from verdicts that are there already."""
