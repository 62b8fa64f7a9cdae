"""Chat with your own documents: ingestion, retrieval, chains, agents and their HTTP interface."""

import os

__version__ = "0.1.0"

# Before NumPy is imported anywhere: our matrices are small, and OpenBLAS loses more by waking threads for them on a
# busy machine than it gains (a product that takes 0.27 s alone took 1.5 s).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
