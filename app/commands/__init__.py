"""The commands of `llmops`: light modules declare them for `app.cli`, and import what they do only when one runs."""
