"""What programs and other files say of themselves, whoever brought them."""
