"""Crafting as a pair of tools: `get_info` and `craft`. A model for who writes tools."""
