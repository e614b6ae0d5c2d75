"""What holds for all documents: their links, their commands, and the site that script/docs-site makes of them."""
