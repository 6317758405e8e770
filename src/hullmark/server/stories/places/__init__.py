"""What runs where: reports of collectors are taken, compared and told."""
