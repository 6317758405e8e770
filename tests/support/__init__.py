"""Working fakes and places that tests share."""
