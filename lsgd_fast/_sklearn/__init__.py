"""The classifier for scikit-learn, which is imported when the classifier is first used."""
