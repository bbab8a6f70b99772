"""Discovery, ownership and options: what is installed, and what it takes."""
