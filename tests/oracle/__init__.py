"""The same question to us and to the native tool."""
