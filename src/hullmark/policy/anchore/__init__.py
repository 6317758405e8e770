"""Anchore's policies, formats "1_0" and "2": read into one model, judged as the original would (`compat`) or as one expects (`native`)."""
