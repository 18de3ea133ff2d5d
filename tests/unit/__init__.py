"""Tests of single modules, in folders named after the rooms."""
