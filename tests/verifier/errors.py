"""Why something is refused. Everything that a verifier does not accept ends in one of these."""

from contextlib import contextmanager


class Refused(Exception):
    """A check failed, or bytes are not what they must be; the message says which, and where."""


def check(condition, reason):
    """Refuses unless the condition holds."""
    if not condition:
        raise Refused(reason)


@contextmanager
def at(place):
    """`with at("segment 0"):` says where a refusal comes from."""
    try:
        yield
    except Refused as error:
        raise Refused(f"{place}: {error}") from None
