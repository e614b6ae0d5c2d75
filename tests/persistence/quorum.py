"""Two of etcd's three members lose their power."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from persistence.client.keyvalue import Etcd
from persistence.client.outcome import Unavailable, Unknown
from persistence.stores import Stores
from support.waiting import eventually


def asked(client: Etcd, write: bool) -> dict[str, Any]:
    """Whether it answers, with what, and after how long."""
    begun = time.monotonic()
    try:
        if write:
            client.write("quorum", 2)
            text = "written"
        else:
            text = str(client.read("quorum"))
        answered = True
    except (Unknown, Unavailable) as error:
        text, answered = str(error), False
    return {"answered": answered, "text": text, "took_s": time.monotonic() - begun}


def writes(client: Etcd) -> bool:
    return bool(asked(client, write=True)["answered"])


def measure(stores: Stores) -> dict[str, Any]:
    members = stores.members
    leader, followers = members.wait_complete()
    left = followers[0]
    members.client(left).write("quorum", 1)
    members.wait_complete()
    for host in (leader, followers[1]):
        host.power_cut()
    questions = {
        "write": (members.client(left), True),
        "linearizable": (members.client(left), False),
        "serializable": (members.client(left, serializable=True), False),
    }
    with ThreadPoolExecutor() as pool:
        asking = {name: pool.submit(asked, *question) for name, question in questions.items()}
        answers = {name: answer.result() for name, answer in asking.items()}
    begun = time.monotonic()
    members.start(leader)
    eventually("writes again", lambda: writes(members.client(left, deadline_s=2)))
    back_s = time.monotonic() - begun
    members.start(followers[1])
    members.wait_complete()
    return {**answers, "back_s": back_s}
