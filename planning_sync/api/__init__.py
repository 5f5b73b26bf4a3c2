"""The REST API under `/api/v1/`. `docs/api.md` is its manual.

`resources/` has one module per noun, with its routes and what each needs; a resource is added by adding one.
What all of them share: `views` (the base), `permissions`, `principals` (who asks, and what that one may see),
`problems` (every error), `paging`, `limits`, `idempotency`, `describing` (the OpenAPI schema).
"""
