"""The public door of Whitebox: REST, auth, limits, answers, streaming."""
