"""Who somebody is: passwords, tokens, keys, single sign-on."""
