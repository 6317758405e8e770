"""What runs where: clusters, services and hosts are asked, and what they say becomes places."""
