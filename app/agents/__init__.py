"""The registry of agents. To add one: a module with its nodes and a `SPEC`, and one line here."""

from __future__ import annotations

from app.agents import qa, research, summarize
from app.agents.base import AgentSpec
from app.schemas import AgentName

AGENTS: dict[AgentName, AgentSpec] = {spec.name: spec for spec in (qa.SPEC, research.SPEC, summarize.SPEC)}
