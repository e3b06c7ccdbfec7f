"""What users call: arguments to a request, to the engine, to a result."""
