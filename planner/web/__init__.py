"""The pages. Each blueprint is a module `planner.web.<name>` with a `blueprint` in it; name it here to open it."""

#: Modules below planner.web that hold one `blueprint` each.
BLUEPRINTS: tuple[str, ...] = (
    "auth",
    "feeds",
    "my",
    "planning",
    "today",
    "courses",
    "infusions",
    "integration",
    "patients",
    "rosters",
    "settings",
    "places",
    "staff",
    "protocols",
    "spreadsheets",
    "instances",
    "accounts",
    "setup",
    "finding",
)
