"""Calendar links on the command line."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup

from planner.cli.doors import RecordNumber, now, principal_of, refusals, store
from planner.domain.access import Principal
from planner.domain.errors import FieldError, NotFound
from planner.services import publishing
from planner.store.queries import feeds as find
from planner.store.records import Feed, FeedDetail, FeedScope

feeds = AppGroup("feeds", help="List, add and revoke calendar links.")


@feeds.command("list")
@click.option("--account", "email", default=None, metavar="EMAIL", help="Only the links of this account.")
def show(email: str | None) -> None:
    """List calendar links and when each was last fetched. Secrets are not kept, so none are shown."""
    with refusals(), store().reading() as db:
        rows = find.feeds_of(db, principal_of(db, email).account_id, revoked=True) if email else find.all_feeds(db)
    for row in rows:
        looked = f"{row.last_fetched_at:%Y-%m-%d %H:%MZ} {row.last_client}" if row.last_fetched_at else "never"
        state = "ended" if row.revoked_at else "live"
        click.echo(
            f"{row.id:>5}  {state:<5}  {row.account_email}  {row.scope.value} {row.subject_id}  "
            f"{row.detail.value}  {row.device}  last fetched: {looked}"
        )


@feeds.command("add")
@click.option("--account", "email", required=True, metavar="EMAIL", help="Whose link it is.")
@click.option(
    "--scope", default=None, type=click.Choice([scope.value for scope in FeedScope]),
    help="Whose appointments; the account's own when not given.",
)  # fmt: skip
@click.option(
    "--subject", "subject_id", type=RecordNumber(), default=None, help="The number of the chair, room or site."
)
@click.option("--device", required=True, help="Where it will be used, such as “Work calendar”.")
@click.option(
    "--detail", default=FeedDetail.DISCREET.value, show_default=True,
    type=click.Choice([detail.value for detail in FeedDetail]), help="How much the entries say.",
)  # fmt: skip
@click.option("--words", default="", help="Neutral words in place of “Appointment”.")
@click.option("--agreed", is_flag=True, help="The account's owner has read and agreed to what is copied.")
def add(
    email: str, scope: str | None, subject_id: int | None, device: str, detail: str, words: str, agreed: bool
) -> None:
    """Make a calendar link and print its address once. It cannot be shown again."""
    if not agreed:
        raise click.UsageError(f"Give --agreed when they have agreed to this: {publishing.CONSENT_TEXT}")
    with refusals(), store().writing() as db:
        principal = principal_of(db, email)
        wanted, subject = _subject(principal, scope, subject_id)
        _, token = publishing.create_feed(
            db,
            principal,
            wanted,
            subject,
            device,
            now=now(),
            consent_version=publishing.CONSENT_VERSION,
            detail=FeedDetail(detail),
            words=words,
        )
    address = current_app.config.get("PLANNER_PUBLIC_URL") or "https://…"
    click.echo(f"{address}/c/{token}/appointments.ics")


def _subject(principal: Principal, scope: str | None, subject_id: int | None) -> tuple[FeedScope, int]:
    own = (
        (FeedScope.PATIENT, principal.patient_id)
        if principal.patient_id is not None
        else (FeedScope.THERAPIST, principal.person_id)
    )
    wanted = own[0] if scope is None else FeedScope(scope)
    subject = own[1] if wanted is own[0] and subject_id is None else subject_id
    if subject is None:
        raise FieldError("subject", "Say whose appointments with --scope and --subject.")
    return wanted, subject


@feeds.command("revoke")
@click.argument("feed_id", type=RecordNumber())
def revoke(feed_id: int) -> None:
    """End a calendar link. It answers an empty calendar for 30 days and is then gone."""
    with refusals(), store().writing() as db:
        feed = db.get(Feed, feed_id)
        if feed is None:
            raise NotFound(f"There is no calendar link {feed_id}.")
        publishing.revoke_feed(db, Principal(feed.account_id, frozenset()), feed_id, now(), "command line")
    click.echo(f"Link {feed_id} has ended.")
