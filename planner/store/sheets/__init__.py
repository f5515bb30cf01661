"""From records to sheets: everything the planner needs, read in a number of queries that does not grow with rows.

Only plain columns are read, and instants leave the database as whole minutes, so that a clinic of 60 therapists
over six weeks is on its sheet within a request.
"""

from planner.store.sheets.clinic import load_clinic
from planner.store.sheets.courses import load_course, load_courses_touching
from planner.store.sheets.requests import Wishes, load_patient, load_request, protocol_of_version

__all__ = [
    "Wishes",
    "load_clinic",
    "load_course",
    "load_courses_touching",
    "load_patient",
    "load_request",
    "protocol_of_version",
]
