"""The example of an evaluation, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

EVALUATION_INFO: dict[str, Any] = {
    "name": "20261102t093000z-quick",
    "created_at": "2026-11-02T09:30:00Z",
    "profile": "quick",
    "seconds": 98.4,
    "embedding_model": "embedded:all-MiniLM-L6-v2",
    "chat_model": None,
    "commit": "0a1b2c3",
    "compared": 1,
    "failed": 0,
}
EVALUATION: dict[str, Any] = EVALUATION_INFO | {
    "machine": "2 cores",
    "sets": [{"name": "squad2", "questions": 100, "documents": 250}],
    "figures": {"squad2.recall_at_10": 0.99},
    "thresholds": {"squad2.recall_at_10": 0.97},
    "rankings": [
        {
            "set_name": "squad2",
            "method": "system",
            "recall_at_5": 0.98,
            "recall_at_10": 0.99,
            "mrr_at_10": 0.94,
            "ndcg_at_10": 0.95,
        }
    ],
    "refusals": [{"kind": "look-alike", "points": [[0.0, 1.0], [0.4, 0.9]], "configured": [0.4, 0.9]}],
}
