"""Who may do what: five groups, made from one table, and the replicas that people may be limited to.

The rest of the product asks for permissions by name, and for rows by `audit.sight.shown`.
"""
