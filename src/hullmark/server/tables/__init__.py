"""The database: SQL in functions that are named as questions, and the migrations."""
