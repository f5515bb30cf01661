"""Accounts: invitations, roles and sites, resets, and the audit trail without health information."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("accounts", __name__)

from planner.web.accounts import audit, caring, factors, inviting, joining, portal, reading, resetting  # noqa: E402, F401
