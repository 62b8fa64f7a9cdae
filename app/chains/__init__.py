"""Stateless steps of an answer: model, evidence and text are arguments, and each step works without a model too."""
