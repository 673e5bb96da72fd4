"""The stages. Each module makes the stages of one concern; `bootstrap/pipeline.py` lists them in order."""
