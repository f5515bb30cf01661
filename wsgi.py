"""What servers and `flask --app wsgi` load."""

import os
import sys

from config import Settings
from planner.app import NotReady, check_ready, create_app, zone_notice
from planner.web.clock import system_clock

#: Tells gunicorn that starting again will not help; other servers only see that it failed.
BOOT_FAILED = 3

IS_COMMAND = "FLASK_RUN_FROM_CLI" in os.environ

try:
    app = create_app(Settings.from_environment())
except ValueError as reason:  # a setting makes no sense
    print(reason, file=sys.stderr)
    raise SystemExit(1 if IS_COMMAND else BOOT_FAILED) from None

# `flask --app wsgi migrate` must work on a database that is not ready; servers must not.
if not IS_COMMAND:
    try:
        check_ready(app.extensions["planner"])
    except NotReady as reason:
        print(reason, file=sys.stderr)
        raise SystemExit(BOOT_FAILED) from None
    if notice := zone_notice(app.extensions["planner"], system_clock()):
        print(notice[0].upper() + notice[1:] + ".", file=sys.stderr)
