"""What packages state about their licences, in SPDX terms. Pure functions."""
