"""Learning from the decisions of people: which side they would take, how sure that is, and how well it fares.

    decisions --> features --> training --> knowledge --> guess: a suggestion for a person,
                                                          or for the strategy `learned`

Public: `services` (suggest, note_decisions, note_taken_back, train), `memory` (status), `acting` (guesses
that may act), `tasks`. Pure are `features` and `knowledge`; only `training` imports scikit-learn, when it is
called, so that web processes never do.
"""
