"""The licences room."""
