"""What is seen from outside: one trace a request, one log line a request, metrics."""
