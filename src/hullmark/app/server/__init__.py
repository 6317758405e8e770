"""The stories of the server: what happens to images, policies and verdicts that it keeps."""
