"""The report: one HTML page, and its tables in Markdown and LaTeX, or as plain values."""

from suite.report.page import difference_table, plain_tables, tables_as, write_report

__all__ = ["difference_table", "plain_tables", "tables_as", "write_report"]
