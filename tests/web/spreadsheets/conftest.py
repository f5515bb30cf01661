"""Files sent by a coordinator, and worked on at once."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support.imports import InlineImports
from tests.support.strict_client import Page, StrictClient

Send = Callable[..., Page]


@pytest.fixture
def imports(app: Flask, tmp_path: Path) -> Iterator[InlineImports]:
    """Who works on imports in this test."""
    before = app.extensions["planner_imports"]
    app.extensions["planner_imports"] = InlineImports(app, tmp_path)
    yield app.extensions["planner_imports"]
    app.extensions["planner_imports"] = before


@pytest.fixture
def coordinator(imports: InlineImports, sign_in: Callable[[str], StrictClient]) -> StrictClient:
    return sign_in("coordinator")


@pytest.fixture
def bring(coordinator: StrictClient) -> Send:
    """Send a file through the form of its kind; the page it leads to."""

    def send(slug: str, content: bytes, name: str = "file.csv", status: int = 303, **fields: str) -> Page:
        page = coordinator.page(f"/admin/spreadsheets/{slug}")
        file = [(io.BytesIO(content), name)]
        answer = coordinator.submit(page, f"/admin/spreadsheets/{slug}", {"file": file, **fields})
        assert answer.status_code == status, answer.text
        return coordinator.page(answer.location) if status == 303 else Page(answer.text)

    return send
