"""Models: chat, embeddings and the reader that answers without either."""
