"""Tests of the record and of the settings that say where it is."""
