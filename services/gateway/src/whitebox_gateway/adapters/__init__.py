"""The other services, each behind one small class."""
