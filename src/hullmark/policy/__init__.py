"""Policies: evaluate a policy on the facts of an image to get a verdict. Each gate is one module. This package does not know where facts
and policies come from.
"""
