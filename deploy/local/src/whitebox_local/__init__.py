"""The whole platform as processes on one machine, and the `whitebox` command."""
