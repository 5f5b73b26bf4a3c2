"""One module per noun, each with its views and its `ROUTES`. They are found by themselves."""
