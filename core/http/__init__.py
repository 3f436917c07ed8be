"""What every function shares of HTTP: strict bodies, problems, the gate in front, and the documentation pages."""
