"""Documents and layer records in an object store: a folder, S3, GCS or Azure."""
