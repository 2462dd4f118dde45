"""What a user can have done wrong: one small tree, whose messages are shown as they are."""


class FramelaneError(Exception):
    """A failure with a message for the user: what was given, what is accepted, what to do."""


class UsageError(FramelaneError):
    """A wrong option or config, or a path that does not exist: exit code 2."""


class ModelError(UsageError):
    """A model, manifest or engine that cannot be used as asked."""
