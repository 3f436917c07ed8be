"""The client of the model server: gateway, queue, breaker, lane, vector cache. One protocol: Ollama's."""
