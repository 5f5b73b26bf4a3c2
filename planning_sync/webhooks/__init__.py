"""Programs elsewhere are told what happens (`following`, `sending`), and tell us of pushes (`receiving`).

Both ways sign as the Standard Webhooks specification says (`signing`). Nothing is sent in a request: the news
is taken from the log by `following`, and sent by tasks of the queue. `docs/webhooks.md` is the manual.
"""
