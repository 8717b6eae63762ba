"""What ends a scoring run before it is through."""


class ScoreError(ValueError):
    """The archive cannot be scored; the message is a sentence for the user."""
