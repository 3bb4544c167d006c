"""What `run.py` measures, a module for each table."""
