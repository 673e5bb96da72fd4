"""From a fresh checkout to a running, proven app. Start reading at `pipeline.py`."""
