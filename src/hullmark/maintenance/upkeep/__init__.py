"""How well an image is kept up: the package lists of its own repositories, compared with what is installed. Pure: it asks for
documents, and others fetch them."""
