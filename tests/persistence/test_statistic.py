"""What is made of the workers' rows, without a lab."""

from persistence import statistic
from persistence.statistic import Request


def request(
    name: str, claim: str, answer: str | None, unknown: int = 0, keyed: bool = False
) -> Request:
    return Request(name, claim, keyed, 0.0, 1.0, answer, unknown)


def test_percentile_is_a_value_that_was_seen() -> None:
    assert statistic.percentile([4, 1, 3, 2], 0.5) == 2
    assert statistic.percentile(range(1, 101), 0.99) == 99
    assert statistic.percentile([7], 0.99) == 7
    assert statistic.percentile([], 0.5) == 0


def test_speed_counts_answers_in_the_time_of_the_load() -> None:
    found = statistic.speed([(0.0, 1.0), (1.0, 1.5), (1.5, 3.0)], 0.0, 2.0)
    assert found == {"per_s": 1.0, "p50_ms": 500.0, "p99_ms": 1000.0, "max_ms": 1000.0}


def test_one_winner_of_a_contested_name() -> None:
    made = [request("n", "a", "won"), request("n", "b", "taken"), request("m", "c", "won")]
    checked = statistic.check_names(made, {"n": "a", "m": "c"})
    assert checked["names"] == 2 and checked["contested"] == 1
    assert statistic.one_winner(checked)


def test_a_name_given_twice_is_found() -> None:
    made = [request("n", "a", "won"), request("n", "b", "won")]
    checked = statistic.check_names(made, {"n": "b"})
    assert checked["two_winners"] == 1 and checked["lost"] == 1
    assert not statistic.one_winner(checked)


def test_a_lost_name_is_found() -> None:
    checked = statistic.check_names([request("n", "a", "won")], {})
    assert checked["lost"] == 1 and not statistic.one_winner(checked)


def test_a_name_that_was_given_to_nobody_is_found() -> None:
    checked = statistic.check_names([request("n", "a", "taken")], {})
    assert checked["nobody"] == 1 and not statistic.one_winner(checked)


def test_an_owner_that_did_not_ask_is_found() -> None:
    checked = statistic.check_names([request("n", "a", "taken", unknown=1)], {"n": "z"})
    assert checked["wrong"] == 1 and not statistic.one_winner(checked)


def test_an_owner_that_was_never_told_is_none_of_these() -> None:
    made = [request("n", "a", None, unknown=1), request("n", "b", "taken")]
    assert statistic.one_winner(statistic.check_names(made, {"n": "a"}))


def test_what_the_retry_of_a_done_request_was_told() -> None:
    made = [
        request("n", "a", "taken", unknown=1),
        request("m", "b", "won", unknown=2, keyed=True),
        request("o", "c", "taken", unknown=1),
        request("p", "d", "won"),
    ]
    found = statistic.retries(made, {"n": "a", "m": "b", "o": "x", "p": "d"})
    assert found["unkeyed"] == {"unknown": 2, "done": 1, "won": 0, "taken": 1}
    assert found["keyed"] == {"unknown": 1, "done": 1, "won": 1, "taken": 0}


def test_the_gap_is_the_longest_silence() -> None:
    made = [Request("n", "a", False, 0, ended, "won", 0) for ended in (1.0, 2.0, 5.5, 6.0)]
    unanswered = Request("m", "a", False, 0, 4.0, None, 1)
    assert statistic.gap_s([*made, unanswered], 0.0, 7.0) == 3.5


def test_one_worker_may_wait_longer_than_all() -> None:
    def report(*ended: float) -> dict[str, object]:
        return {"rows": [["n", "a", False, 0.0, end, "won", 0] for end in ended]}

    assert statistic.longest_wait_s([report(1.0, 3.0, 4.5), report(0.5, 4.0)], 0.0, 5.0) == 3.5


def test_the_timeline_is_in_steps_around_zero() -> None:
    made = [Request("n", "a", False, 0, ended, "won", 0) for ended in (10.1, 10.2, 11.4)]
    assert statistic.timeline(made, 11.0, 10.0, 12.0, 0.5) == [
        [-0.75, 4.0],
        [-0.25, 0.0],
        [0.25, 2.0],
        [0.75, 0.0],
    ]
