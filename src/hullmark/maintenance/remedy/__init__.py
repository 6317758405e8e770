"""What would make an image pass its policy: changes that may be made, the image as it would be, and the smallest set that does. Pure: who
judges is handed in."""
