"""framelane events: what to do with stored events. A subcommand is imported when it is called."""

from __future__ import annotations

from detector.cli import Late, LateGroup

LATE = {
    "list": Late("pipeline.commands.events_list:list_", "List events, the newest first."),
    "show": Late("pipeline.commands.events_show:show", "Print all that is known of one event."),
    "export": Late("pipeline.commands.events_export:export", "Write events as CSV or JSON."),
    "rebuild": Late(
        "pipeline.commands.events_rebuild:rebuild", "Make a lost or damaged store anew."
    ),
    "prune": Late("pipeline.commands.events_prune:prune", "Delete old events and their files."),
}

events = LateGroup(
    name="events", late=LATE, help="List, show, export, rebuild and prune stored events."
)
