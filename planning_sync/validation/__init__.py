"""What the rules for plans (`plans.rules`) say of the plans of the hub: verdicts, scores over time, fixes."""
