"""The steps that lead from one form of the database to the next."""
