"""What the runs of a session add up to is told at its end, whichever process they ran in."""

import pytest

from tests.chaos.report import Report, summary

RUN = "chaos"
NOTE = "chaos note"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write it below the tests."""
    told = [pair for report in terminalreporter.getreports("passed") for pair in report.user_properties]
    terminalreporter.section("process chaos")
    if reports := [Report.read(str(value)) for name, value in told if name == RUN]:
        terminalreporter.write_line(summary(reports))
    for name, value in told:
        if name == NOTE:
            terminalreporter.write_line(str(value))
