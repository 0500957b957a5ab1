"""From the run store to numbers and verdicts: tables, intervals, statistics, the audit, the claims."""
