"""The hub of a small harbour, made by real operations: what pictures show and tests of all pages walk."""
