"""Evaluation: streams with labels, figures, comparators and the study that puts them side by side."""
