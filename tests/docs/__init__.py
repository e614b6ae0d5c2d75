"""What holds for all documents: their links, their commands, and the site that is made of them; see script/docs-site."""
