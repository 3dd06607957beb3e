"""The exceptions that Churn Duck raises on purpose.

ChurnDuckError
├── ConfigError            the configuration file has an unknown key, wrong type or bad value
├── WarehouseError         the folder or the DuckDB file is missing, locked, not built or out of date
├── LandingError           a source file is missing, unreadable or lacks a required column
├── SqlError               a statement failed; names the file and quotes DuckDB
├── ValidationFailed       the data breaks a rule with severity fail
├── HistoryTooShort        too few days for features, label, purge and test
├── NothingNew             the same data was already trained on
├── ModelError             a model cannot be trained, exported, verified or found
├── AuditFailed            a scoring run missed users, or scored some it should not
└── ProofFailed            a planted effect was not recovered
"""


class ChurnDuckError(Exception):
    """Base of all. The message says what is wrong, the value, and the way out."""

    exit_code = 1


class ConfigError(ChurnDuckError):
    exit_code = 3


class WarehouseError(ChurnDuckError):
    pass


class LandingError(ChurnDuckError):
    pass


class SqlError(ChurnDuckError):
    pass


class ValidationFailed(ChurnDuckError):
    pass


class HistoryTooShort(ChurnDuckError):
    pass


class NothingNew(ChurnDuckError):
    exit_code = 5


class ModelError(ChurnDuckError):
    pass


class AuditFailed(ChurnDuckError):
    pass


class ProofFailed(ChurnDuckError):
    pass
