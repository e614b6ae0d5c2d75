"""How an attempt ends that has no answer."""


class Unknown(Exception):
    """It was sent, and no answer came: it may have been done."""


class Unavailable(Exception):
    """It was not done: no connection, or refused."""
