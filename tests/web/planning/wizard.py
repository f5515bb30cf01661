"""Walking through the planning wizard as a browser does: each page is read, its form is sent."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from tests.support.strict_client import Page

SEE_OTHER = 303


class Browser(Protocol):
    """Whatever reads pages and sends their forms: a test client, or a browser over HTTP."""

    def page(self, path: str, status: int = 200) -> Page: ...
    def submit(self, page: Page, action: str, data: Mapping[str, Any] | None = None) -> Any: ...


class Wizard:
    """One coordinator on the way through the five steps."""

    def __init__(self, client: Browser, patient_id: int, version_id: int) -> None:
        self.client, self.patient_id, self.version_id = client, patient_id, version_id
        self.draft = 0

    def begin(self, **more: Any) -> Any:
        """Answer step 1."""
        chosen = {"patient_id": self.patient_id, "protocol_version_id": self.version_id, **more}
        answer = self.client.submit(self.client.page("/courses/new"), "/courses/new", chosen)
        found = re.fullmatch(r"/courses/new/(\d+)/\d", answer.location or "")
        self.draft = int(found.group(1)) if found else 0
        return answer

    def url(self, step: object) -> str:
        """The address of a step."""
        return f"/courses/new/{self.draft}/{step}"

    def page(self, step: object) -> Page:
        """Read a step."""
        return self.client.page(self.url(step))

    def send(self, step: object, typed: dict[str, Any] | None = None, page: Page | None = None) -> Any:
        """Send a step's form as the page has it, with `typed` in it."""
        return self.client.submit(page or self.page(step), self.url(step), typed)

    def to(self, step: object) -> "Wizard":
        """Walk to a step with the answers that are offered."""
        assert self.begin().location == self.url(2)
        for here, following in ((2, 3), (3, 4), (4, "4/dates"), ("4/dates", 5)):
            if here == step:
                break
            answer = self.send(here)
            assert (answer.status_code, answer.location) == (SEE_OTHER, self.url(following)), answer.text[:2000]
        return self
