"""The process in garage's own environment: it imports nothing else of the suite, and the suite only its `wire`."""
