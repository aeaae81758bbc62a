"""Checks of data quality by the owners' rules: a client of the hub, like the interfaces.

`run(hub, ids)` checks, judges and keeps the results; `tasks` is the owner's to-do list; `dqv` the W3C form.
"""

from nabe.quality.dqv import as_json_ld, as_turtle
from nabe.quality.judging import judge
from nabe.quality.running import Checked, check_copy, run
from nabe.quality.todo import Tasks, tasks
from nabe.quality.wording import advice, outcome, what

__all__ = [
    "Checked",
    "Tasks",
    "advice",
    "as_json_ld",
    "as_turtle",
    "check_copy",
    "judge",
    "outcome",
    "run",
    "tasks",
    "what",
]
