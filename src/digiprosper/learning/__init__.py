"""Double machine learning: controls whose form is learned."""
