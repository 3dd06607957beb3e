"""Everything that Churn Duck raises on purpose.

ChurnDuckError
├── ConfigError            the configuration file: unknown key, wrong type, bad value
├── WarehouseError         the folder or the DuckDB file: missing, locked, not built, out of date
├── LandingError           a source file: missing, unreadable, without a needed column
├── SqlError               a view failed: carries the file and DuckDB's message
├── ValidationFailed       the data broke a rule that is a failure
├── HistoryTooShort        too few days for features, label, purge and test
├── NothingNew             training would repeat what has been trained
├── ModelError             a model cannot be trained, exported, verified or found
├── AuditFailed            a scoring run did not score exactly whom it should
└── ProofFailed            a planted effect was not recovered
"""


class ChurnDuckError(Exception):
    """What is wrong, the value, and the way out, in one message."""

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
