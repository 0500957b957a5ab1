"""The report: one HTML page, and its tables in Markdown and LaTeX."""

from suite.report.page import write_report

__all__ = ["write_report"]
