"""Text generation behind one contract."""
