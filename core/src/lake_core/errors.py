"""The errors of the lake. The type is the policy: what a caller does follows from it alone."""


class LakeError(Exception):
    """Base of every error the lake raises on purpose."""


class PoisonRecord(LakeError):  # noqa: N818 - the field's own term
    """An entry that cannot be used: to quarantine with this reason, its neighbours go on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TransientError(LakeError):
    """May pass: retry with full-jitter backoff inside a deadline, then end the process."""


class OutcomeUnknown(LakeError):  # noqa: N818 - the field's own term
    """A write that may or may not have happened: look before doing it again."""


class LeaseLost(LakeError):  # noqa: N818 - the field's own term
    """Another worker owns the shard now: stop quietly, keep nothing."""


class UnreadableObject(LakeError):  # noqa: N818 - the field's own term
    """An object of the lake that is not what its name promises. Named, never overwritten."""


class SettingsError(LakeError):
    """A setting is missing, unknown or out of range. The message names it and the cure."""


class InputError(LakeError):
    """A file or option given by a person cannot be used. The message names it and the cure."""
