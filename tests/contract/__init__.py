"""What every plugin keeps, whatever it is for."""
