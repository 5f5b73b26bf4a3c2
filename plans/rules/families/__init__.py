"""The rules that ship, a module for each family."""
