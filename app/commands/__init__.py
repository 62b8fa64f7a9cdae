"""What the commands of `llmops` do. `app.cli` declares them and imports a module of this package only when it runs."""
