"""Anchore's policies, formats "1_0" and "2": read into one model, and judged exactly as the original would (`compat`) or without its
surprises (`native`).
"""
