"""Charts: view data → SVG text. Pure, bounded and safe by construction: no script, no style, every label escaped."""
