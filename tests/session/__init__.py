"""Tests of the session loop against a scripted, strict model provider."""
