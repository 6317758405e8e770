"""The demonstration behind `make demo`: an image, where need be made on the spot, and what Hullmark says about it."""
