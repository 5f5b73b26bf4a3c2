"""What this package announces: `policy_changed`, with `replica_id`, None for the general policy.

Sent in the transaction of the change, so that followers write along with it.
"""

from __future__ import annotations

from django.dispatch import Signal

policy_changed = Signal()
