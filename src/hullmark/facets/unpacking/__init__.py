"""What is inside files that hold others: archives, compressed streams, repositories and databases."""
