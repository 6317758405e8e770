"""Tables of what runs where: collectors, places with their images, and applications."""
