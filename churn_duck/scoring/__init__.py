"""The ledger: scores, reasons, expected performance."""
