"""What a correct program finds in inputs that others published; the inputs lie beside the repository."""
