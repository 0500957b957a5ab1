"""What runs in garage's own environment: of the suite it imports nothing but itself, and the suite only its `wire`."""
