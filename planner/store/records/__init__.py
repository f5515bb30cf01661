"""The clinic's nouns as typed records. Importing this registers every table."""

from planner.store.records.accounts import (
    Account,
    AccountRole,
    AccountSite,
    BrowserSession,
    IdempotencyKey,
    SignInAttempt,
)
from planner.store.records.appointments import (
    Appointment,
    Encounter,
    Hold,
    Occupancy,
    OverrideRule,
    RuleOverride,
)
from planner.store.records.audit import AuditEntry, ChangeLine, ChangeSet
from planner.store.records.clinic import Chair, Clinic, Closure, Holdable, HoldableKind, OpeningHours, Room, Site
from planner.store.records.courses import Course, PlanDraft
from planner.store.records.feeds import (
    AddTicket,
    CalendarTry,
    CalendarTryKind,
    CalendarVersion,
    Feed,
    FeedDetail,
    FeedScope,
)
from planner.store.records.people import (
    NurseLane,
    Patient,
    PatientAbsence,
    PatientAvailability,
    Person,
    PersonRole,
    PersonSite,
)
from planner.store.records.protocols import ProtocolRecord, ProtocolVersion
from planner.store.records.rosters import Absence, Shift

__all__ = [
    "Absence",
    "Account",
    "AccountRole",
    "AccountSite",
    "AddTicket",
    "Appointment",
    "AuditEntry",
    "BrowserSession",
    "CalendarTry",
    "CalendarTryKind",
    "CalendarVersion",
    "Chair",
    "ChangeLine",
    "ChangeSet",
    "Clinic",
    "Closure",
    "Course",
    "Encounter",
    "Feed",
    "FeedDetail",
    "FeedScope",
    "Hold",
    "Holdable",
    "HoldableKind",
    "IdempotencyKey",
    "NurseLane",
    "Occupancy",
    "OpeningHours",
    "OverrideRule",
    "Patient",
    "PatientAbsence",
    "PatientAvailability",
    "Person",
    "PersonRole",
    "PersonSite",
    "PlanDraft",
    "ProtocolRecord",
    "ProtocolVersion",
    "Room",
    "RuleOverride",
    "Shift",
    "SignInAttempt",
    "Site",
]
