"""The classifier for scikit-learn."""
