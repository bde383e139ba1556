"""Whole trees through the real runtime, held against the bars of the small model: `python -m training.evaluation`."""
