"""A small application that shows every part of the kit, under the policy the product is served with."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from flask import Flask, Response, g, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    Form,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
    validators,
    widgets,
)
from wtforms.fields.choices import SelectChoice

from planner.web.filters import register_filters
from planner.web.strip import StripModel, StripSession, window_strip

ROOT = Path(__file__).resolve().parents[2]
KIT = Path(__file__).parent / "kit"
ZONE = "Europe/London"
ERRORS = (400, 403, 404, 409, 410, 413, 422, 429, 500, 503)

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)


class TickList(SelectMultipleField):
    """Several choices as checkboxes."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


class KitForm(Form):
    """One field of each kind the product uses."""

    patient = StringField("Patient code", [validators.DataRequired("Enter the patient's code, such as P-104")])
    email = EmailField("Email address")
    password = PasswordField("Password")
    day = DateField("New day", [validators.DataRequired("Choose a day the clinic is open")])
    time = TimeField("Time", [validators.Optional()])
    chair = SelectField("Chair", choices=[SelectChoice("1", "Chair 1"), SelectChoice("2", "Chair 2")])
    mode = RadioField(
        "Where", [validators.InputRequired("Choose where the session is held")], choices=["Clinic", "Video"]
    )
    days = TickList("Days that suit", choices=["Monday", "Tuesday", "Wednesday"])
    reason = TextAreaField("Reason", [validators.Length(max=20, message="Write at most 20 letters")])
    agree = BooleanField("The patient agreed to this by telephone")


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant in November 2026, when London's clock shows UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def sample_strip(cut: bool = True) -> StripModel:
    """The worked sample: a dose that ends on Tuesday, and a third infusion on Friday that may cut the window."""
    return window_strip(
        dose_end=utc(24, 11, 10),
        opens=utc(24, 23, 10),
        peak_start=utc(25, 5, 10),
        peak_end=utc(26, 11, 10),
        closes=utc(27, 8) if cut else utc(27, 11, 10),
        cut_short_by="infusion 3" if cut else None,
        sessions=[StripSession(utc(25, 14), utc(25, 15))],
        zone=ZONE,
        next_dose=utc(27, 10) if cut else None,
    )


def course_items() -> list[SimpleNamespace]:
    """Dates of a made-up course."""
    rows = [
        ("preparation", "Preparation", 20, 9, 50, "fulfilled", None, None),
        ("infusion", "Infusion 1 of 6", 20, 10, 110, "fulfilled", None, None),
        ("integration", "Integration 1", 21, 14, 60, "noshow", "26 h after", "note missing"),
        ("infusion", "Infusion 2 of 6", 24, 10, 110, "booked", None, None),
        ("integration", "Integration 2", 25, 14, 60, "booked", "27 h after", None),
        ("infusion", "Infusion 3 of 6", 27, 10, 110, "proposed", None, None),
    ]
    return [
        SimpleNamespace(
            kind=kind,
            title=title,
            starts_at=utc(day, hour),
            ends_at=utc(day, hour) + timedelta(minutes=minutes),
            status=status,
            after=after,
            note=note,
            url="/staff",
            detail="Chair 2" if kind == "infusion" else "C. Haddad, video",
            past=day < 22,
        )
        for kind, title, day, hour, minutes, status, after, note in rows
    ]


def slots() -> list[SimpleNamespace]:
    """Offered times of three days."""
    return [
        SimpleNamespace(value=f"s{n}", starts_at=start, ends_at=start + timedelta(hours=1), detail=detail)
        for n, (start, detail) in enumerate(
            [
                (utc(25, 14), "C. Haddad, video. Her usual day"),
                (utc(25, 11), "B. Lindqvist, clinic. Not the usual therapist"),
                (utc(26, 9), "C. Haddad, clinic"),
            ]
        )
    ]


def staff_context(form: KitForm) -> dict[str, object]:
    """What a staff page of the product gets, in full."""
    labels = ("Today", "Board", "Courses", "Rosters", "Plans", "Settings")
    return {
        "form": form,
        "navigation": [{"label": x, "url": "/staff", "current": x == "Courses"} for x in labels],
        "person": {
            "name": "Asha Test",
            "site": "Northfield",
            "links": [("/staff", "Your settings")],
            "sign_out_url": "/out",
        },
        "notices": [
            {"kind": "ok", "text": "Moved to Wed 25 Nov 15:00. Messages go out at 10:42.", "undo_url": "/undo"}
        ],
        "idle_warning": {"after_minutes": 13, "stay_url": "/staff"},
        "items": course_items(),
        "slots": slots(),
        "strip": sample_strip(),
        "full_strip": sample_strip(cut=False),
    }


def patient_context() -> dict[str, object]:
    """What a patient's page gets."""
    return {
        "navigation": [
            {"label": label, "url": "/patient", "current": label == "My plan"}
            for label in ("My plan", "Calendar", "Help")
        ],
        "person": {"name": "Sam Test", "sign_out_url": "/out"},
        "card": SimpleNamespace(
            what="talking session",
            starts_at=utc(25, 14),
            ends_at=utc(25, 15),
            place="With C. Haddad, by video",
            join_url="/patient",
            join_words="Join on Wednesday",
            change_url="/patient",
        ),
        "talk_days": [
            SimpleNamespace(tone="treatment", day="Tuesday 24", words="Treatment, 10:00am"),
            SimpleNamespace(tone="best", day="Wednesday 25", words="Best day. Session 2:00pm"),
            SimpleNamespace(tone="best", day="Thursday 26", words="Best day until 11:00am"),
            SimpleNamespace(tone="good", day="Thursday 26", words="Still good after 11:00am"),
        ],
        "before": [
            SimpleNamespace(words="Someone to take you home: Jo", done=True),
            SimpleNamespace(words="No food from 4:00am", done=False, hint="Water is fine until 8:00am"),
            SimpleNamespace(words="9 short questions", done=False, url="/patient", hint="About 3 minutes"),
        ],
        "dates": [
            SimpleNamespace(starts_at=utc(27, 10), title="Treatment", url="/patient"),
            SimpleNamespace(starts_at=utc(30, 9), title="Talking session", url="/patient", detail="by video"),
        ],
        "slots": slots(),
    }


def make_kit_app() -> Flask:
    """The application; its addresses are /staff, /patient, /plain, /paper, /fault/<code> and the form's posts."""
    app = Flask("kit", root_path=str(ROOT), static_folder=str(ROOT / "planner" / "web" / "static"))
    app.secret_key = "for this test only"
    app.jinja_options = {"undefined": StrictUndefined}
    app.jinja_env.loader = ChoiceLoader([FileSystemLoader(ROOT / "templates"), FileSystemLoader(KIT)])
    app.jinja_env.globals["csrf_token"] = lambda: "made-up-token"
    register_filters(app)

    @app.before_request
    def choose_nonce() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @app.context_processor
    def common() -> dict[str, object]:
        return {
            "clinic_name": "Northfield Clinic",
            "zone": ZONE,
            "csp_nonce": g.nonce,
            "theme": request.args.get("theme"),
            "density": request.args.get("density", "compact"),
        }

    @app.after_request
    def add_policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY.format(nonce=g.nonce)
        return response

    @app.route("/staff", methods=["GET", "POST"])
    def staff() -> tuple[str, int]:
        if request.method == "GET":
            return render_template("staff.html", **staff_context(KitForm(day=date(2026, 11, 24)))), 200
        form = KitForm(request.form)
        if form.validate():
            return render_template("_answer.html", form=form), 200
        whole = request.headers.get("HX-Request") is None
        return render_template("staff.html" if whole else "_form.html", fragment=not whole, **staff_context(form)), 422

    @app.get("/patient")
    def patient() -> str:
        return render_template("patient.html", **patient_context())

    @app.get("/plain")
    def plain() -> str:
        return render_template("plain.html", form=KitForm())

    @app.get("/paper")
    def paper() -> str:
        return render_template("paper.html", items=course_items(), printed_at="Tue 24 Nov 2026 08:00")

    @app.get("/fault/<int:code>")
    def fault(code: int) -> tuple[str, int]:
        # Shown with 200 so that the browser's own complaint about the status is not counted as a fault.
        return render_template(f"errors/{code}.html"), 200

    return app
