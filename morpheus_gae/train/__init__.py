"""Training: unlabelled or benign flows in, an artifact out."""
