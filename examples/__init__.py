"""Small programs that use lra as a library."""
