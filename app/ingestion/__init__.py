"""From bytes to searchable chunks: detect, parse in a sandbox, split, embed, commit."""
