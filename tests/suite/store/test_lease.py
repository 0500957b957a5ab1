"""Leases: one owner at a time, whatever clocks and crashes do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite.store.lease import LEASE_SECONDS, Holder, Lease, LostLeaseError, _machine, is_held, look, owner_died, take


class Time:
    """A clock that moves only when somebody waits, and calls back before it does."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.meanwhile: Iterator[Callable[[], object]] = iter(())

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        next(self.meanwhile, lambda: None)()
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def elsewhere(lease: Lease) -> None:
    """Make a lease look like one of another machine, whose processes cannot be seen from here."""
    lease.path.write_text(json.dumps({"machine": "another", "pid": 1, "started": 1}))


def held(folder: Path, time: Time) -> Lease:
    lease = take(folder, time, time.wait)
    assert lease is not None
    return lease


def test_a_held_run_cannot_be_taken_and_a_released_one_can(tmp_path: Path, time: Time) -> None:
    lease = held(tmp_path, time)
    assert is_held(tmp_path)
    assert take(tmp_path, time, time.wait) is None
    lease.release()
    assert not is_held(tmp_path)
    held(tmp_path, time).check()


def test_numbers_are_never_used_twice(tmp_path: Path, time: Time) -> None:
    numbers = []
    for _ in range(4):
        lease = held(tmp_path, time)
        numbers.append(lease.path.stem)
        lease.release()
    assert numbers == ["000001", "000002", "000003", "000004"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_lease_of_a_dead_process_of_this_machine_is_free_at_once(tmp_path: Path, time: Time) -> None:
    code = f"from pathlib import Path; from suite.store.lease import take; assert take(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert look(tmp_path)[1] is not None
    assert not is_held(tmp_path)
    before = time.now
    held(tmp_path, time)
    assert time.now == before


def test_a_silent_lease_of_another_machine_is_taken_after_a_term_and_not_before(tmp_path: Path, time: Time) -> None:
    lost = held(tmp_path, time)
    elsewhere(lost)
    before = time.now
    lease = held(tmp_path, time)
    assert LEASE_SECONDS <= time.now - before < LEASE_SECONDS + 1
    lease.check()
    with pytest.raises(LostLeaseError):
        lost.check()


def test_a_lease_that_is_renewed_while_watched_is_left_alone(tmp_path: Path, time: Time) -> None:
    living = held(tmp_path, time)
    elsewhere(living)
    time.meanwhile = iter([lambda: None] * 50 + [living.renew])
    assert take(tmp_path, time, time.wait) is None
    living.check()


@pytest.mark.parametrize("offset", [-10 * 365 * 86400, -3600, 3600, 10 * 365 * 86400])
def test_a_clock_that_jumps_takes_nothing_from_a_living_owner(tmp_path: Path, time: Time, offset: float) -> None:
    living = held(tmp_path, time)
    elsewhere(living)
    moment = living.path.stat().st_mtime + offset
    os.utime(living.path, (moment, moment))

    def renew() -> None:
        os.utime(living.path, (moment + 1, moment + 1))

    time.meanwhile = iter([lambda: None] * 20 + [renew])
    assert take(tmp_path, time, time.wait) is None


@pytest.mark.parametrize("offset", [-3600, 3600])
def test_a_clock_that_jumps_keeps_no_dead_lease_alive(tmp_path: Path, time: Time, offset: float) -> None:
    lost = held(tmp_path, time)
    elsewhere(lost)
    moment = lost.path.stat().st_mtime + offset
    os.utime(lost.path, (moment, moment))
    held(tmp_path, time)


def test_whoever_judged_an_older_lease_cannot_take_a_newer_one(tmp_path: Path, time: Time) -> None:
    lost = held(tmp_path, time)
    elsewhere(lost)
    winners: list[Lease] = []
    second = Time()
    # The second judge starts watching with the first, and is overtaken just before it acts.
    second.meanwhile = iter([lambda: None] * 119 + [lambda: winners.append(held(tmp_path, time))])
    assert take(tmp_path, second, second.wait) is None
    winners[0].check()


def test_an_owner_that_slept_through_its_lease_goes_on_only_if_nobody_came(tmp_path: Path, time: Time) -> None:
    lease = held(tmp_path, time)
    time.now += 10 * LEASE_SECONDS
    lease.check()
    elsewhere(lease)
    time.now += 10 * LEASE_SECONDS
    other = Time()
    # The other has watched for a term, and takes over in the moment in which the sleeper wakes up.
    time.meanwhile = iter([lambda: held(tmp_path, other)])
    with pytest.raises(LostLeaseError, match="was taken over"):
        lease.check()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"machine": 3}'])
def test_a_damaged_lease_counts_until_its_term_is_over(tmp_path: Path, time: Time, content: str) -> None:
    held(tmp_path, time).path.write_text(content)
    before = time.now
    held(tmp_path, time)
    assert time.now - before >= LEASE_SECONDS


@pytest.fixture
def hidden(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """The owner of a lease whose process lives, but cannot be seen: /proc shows nobody else's."""
    proc = tmp_path_factory.mktemp("proc")
    (proc / "sys/kernel/random").mkdir(parents=True)
    (proc / "sys/kernel/random/boot_id").write_text("boot\n")
    (proc / "self/ns").mkdir(parents=True)
    (proc / "self/ns/pid").symlink_to("pid:[1]")
    monkeypatch.setattr("suite.store.lease.PROC", proc)
    with subprocess.Popen(["sleep", "600"]) as process:
        yield {"machine": _machine(), "pid": process.pid, "started": 1}
        process.kill()


def test_an_owner_that_cannot_be_seen_is_not_taken_for_dead(
    tmp_path: Path, time: Time, hidden: dict[str, object]
) -> None:
    living = held(tmp_path, time)
    living.path.write_text(json.dumps(hidden))
    assert is_held(tmp_path)
    assert not owner_died(hidden)
    time.meanwhile = iter([lambda: None] * 50 + [living.renew])
    assert take(tmp_path, time, time.wait) is None
    living.check()


def test_an_owner_that_is_not_there_is_dead_even_where_nobody_can_be_seen(hidden: dict[str, object]) -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    assert owner_died(hidden | {"pid": process.pid})


def test_where_no_machine_can_be_told_from_another_the_lease_decides(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.store.lease.PROC", tmp_path / "nowhere")
    lost = held(tmp_path / "claims", time)
    before = time.now
    held(tmp_path / "claims", time)
    assert time.now - before >= LEASE_SECONDS
    with pytest.raises(LostLeaseError):
        lost.check()


def race(folder: Path, takers: int, monkeypatch: pytest.MonkeyPatch) -> list[Lease]:
    """Let many take a run, each having seen it free before the first of them acts; return who got it."""
    barrier, leases = threading.Barrier(takers), []

    def look_and_wait(folder: Path) -> tuple[int, Holder | None]:
        seen = look(folder)
        barrier.wait()
        return seen

    def taker() -> None:
        if (lease := take(folder)) is not None:
            leases.append(lease)

    monkeypatch.setattr("suite.store.lease.look", look_and_wait)
    threads = [threading.Thread(target=taker) for _ in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return leases


def test_one_of_many_concurrent_claims_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (winner,) = race(tmp_path / str(number), 8, monkeypatch)
        winner.check()
