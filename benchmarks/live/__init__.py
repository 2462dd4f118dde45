"""Live streams over minutes and hours, and the claims that must hold."""
