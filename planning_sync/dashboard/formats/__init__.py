"""How dates are written, by language, where that differs from what Django says of the language."""
