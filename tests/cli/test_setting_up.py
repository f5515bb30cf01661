"""The set-up link on the command line."""

from planner.services.first_run import setup_is_open
from planner.store.engine import Store
from tests.cli.conftest import NOW, Run


def test_it_prints_a_link_that_works_and_ends_the_one_before(run: Run, fresh_database_url: str) -> None:
    links = [run("setup-link").stdout.strip() for _ in range(2)]
    store = Store(fresh_database_url)
    with store.reading() as db:
        opened = [setup_is_open(db, link.removeprefix("https://calendar.example/setup/"), NOW) for link in links]
    store.dispose()
    assert opened == [False, True]
    assert all(len(link.rsplit("/", 1)[1]) == 43 for link in links)


def test_there_is_none_once_somebody_can_sign_in(demo: Run) -> None:
    refused = demo("setup-link")
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert "There are accounts already" in refused.stderr
