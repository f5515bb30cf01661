"""The door through which every file with records leaves: the password lately, so many a day, written down first."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.services import exports
from planner.services.exports import Made
from planner.web.access import principal
from planner.web.auth.again import ask_again
from planner.web.clock import now
from planner.web.db import own_reading, own_transaction

MIMETYPES = {"csv": "text/csv", "json": "application/json"}


def take_out(kind: str, ending: str, make: Callable[[Session], Made], *, back: str) -> Response:
    """The file that `make` makes, or the page that asks for the password first; `back` is where one came from.

    The file is made before the history's line is written and nobody else waits meanwhile. Raises LimitReached, and
    what `make` raises.
    """
    if asked := ask_again(back):
        return asked
    with own_reading() as reading:
        exports.refuse_spent(reading, principal(), now())
        made = make(reading)
    with own_transaction() as writing:
        number = exports.note(writing, principal(), kind, rows=made.rows, now=now())
    return file_to_keep(made.content, f"{kind}-{now():%Y-%m-%d}-{number}.{ending}")


def file_to_keep(content: bytes, name: str) -> Response:
    """A file under a name that says nothing of the clinic; nobody keeps a copy on the way."""
    response = Response(content, mimetype=MIMETYPES[name.rpartition(".")[2]])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
