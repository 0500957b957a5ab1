"""The report: one HTML page, and its tables in Markdown and LaTeX."""

from suite.report.page import tables_as, write_report

__all__ = ["tables_as", "write_report"]
