"""What of an image its start can ever reach: a graph of files, with a witness for each, and what that leaves unneeded."""
