"""The sensors of the model city: 400 devices that send by themselves, as a process of their own.

Nothing is imported here: the process begins in this package and must stay small. `signals`, `payloads`, `messages`,
`faults` and `client` need the standard library alone.
"""
