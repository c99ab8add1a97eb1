"""Learning rate schedules beyond what the recorded programs show: properties, messages, refusals."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cysym as mx

RATES = st.floats(1e-3, 10)


@given(step=st.integers(1, 20), factor=st.floats(0.1, 1), base=RATES, last=st.integers(0, 200))
def test_factor_schedule_is_its_formula(step, factor, base, last):
    schedule = mx.lr_scheduler.FactorScheduler(step, factor, 0.0, base)
    assert schedule(last) == pytest.approx(base * factor ** (max(0, last - 1) // step), rel=1e-9)


@given(
    steps=st.lists(st.integers(1, 50), min_size=1, max_size=6, unique=True).map(sorted),
    factor=st.floats(0.1, 1), last=st.integers(0, 60),
)  # fmt: skip
def test_steps_count_once_they_are_passed(steps, factor, last):
    schedule = mx.lr_scheduler.MultiFactorScheduler(steps, factor, 1.0)
    assert schedule(last) == pytest.approx(factor ** sum(s < last for s in steps), rel=1e-9)


@given(
    base=RATES,
    final=st.floats(0, 1e-3),
    power=st.floats(0.5, 4),
    end=st.integers(1, 60),
    at=st.integers(0, 99),
)
def test_decays_stay_between_their_ends(base, final, power, end, at):
    for schedule in (
        mx.lr_scheduler.PolyScheduler(end, base, power, final),
        mx.lr_scheduler.CosineScheduler(end, base, final),
    ):
        assert schedule(0) == pytest.approx(base)
        assert final - 1e-12 <= schedule(at) <= base + 1e-12
        assert schedule(end) == pytest.approx(final)


@given(begin=st.floats(0, 1e-3), steps=st.integers(1, 30), mode=st.sampled_from(["linear", "constant"]))
def test_warm_up_rises_from_its_first_rate(begin, steps, mode):
    schedule = mx.lr_scheduler.CosineScheduler(99, 0.5, 0, steps, begin, mode)
    warm = [schedule(n) for n in range(steps)]
    assert warm[0] == begin
    assert warm == sorted(warm)
    assert schedule(steps) == 0.5
    assert (warm[-1] == begin) is (mode == "constant" or steps == 1)


def test_changes_are_logged(caplog):
    schedule = mx.lr_scheduler.FactorScheduler(1, 0.5, 0.3, 1.0)
    with caplog.at_level(logging.INFO):
        schedule(4)
    assert [r.getMessage() for r in caplog.records] == [
        "Update[4]: Change learning rate to 5.00000e-01",
        "Update[4]: now learning rate arrived at 3.00000e-01, will not change in the future",
        "Update[4]: now learning rate arrived at 3.00000e-01, will not change in the future",
    ]


def test_a_schedule_of_a_users_own():
    class Halving(mx.lr_scheduler.LRScheduler):
        def __call__(self, num_update):
            return self.base_lr / 2**num_update

    optimizer = mx.optimizer.SGD(lr_scheduler=Halving(base_lr=1.0))
    weight = mx.nd.zeros((1,))
    for _ in range(3):
        optimizer.update(0, weight, mx.nd.ones((1,)), None)
    assert weight.asnumpy()[0] == -(0.5 + 0.25 + 0.125)
    assert optimizer.learning_rate == 0.125


class _Fixed:
    def rate(self, num_update):
        return 0.25 * num_update

    def __call__(self, num_update):
        return self.base_lr * num_update


def test_schedules_that_know_no_base_class():
    object_, method = _Fixed(), _Fixed().rate
    for schedule, rate in ((object_, 0.5), (method, 0.25), (lambda n: n / 8, 0.125)):
        optimizer = mx.optimizer.SGD(learning_rate=0.5, lr_scheduler=schedule)
        weight = mx.nd.zeros((1,))
        for _ in range(2):
            optimizer.update(0, weight, mx.nd.ones((1,)), None)
        assert weight.asnumpy()[0] == -3 * rate
    assert object_.base_lr == 0.5
    with pytest.raises(TypeError, match="lr_scheduler must be a schedule, got its class _Fixed"):
        mx.optimizer.SGD(lr_scheduler=_Fixed)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda s: s.FactorScheduler(0), "step.*at least 1.*0"),
        (lambda s: s.FactorScheduler(1, 1.5), "factor.*at most 1.*1.5"),
        (lambda s: s.MultiFactorScheduler([3, 2]), r"step.*increasing.*\[3, 2\]"),
        (lambda s: s.MultiFactorScheduler([]), "at least one"),
        (lambda s: s.PolyScheduler(0), "max_update.*0"),
        (lambda s: s.CosineScheduler(5, warmup_steps=5), "max_update 5.*warmup_steps 5"),
        (lambda s: s.FactorScheduler(1, warmup_steps=-1), "warmup_steps.*-1"),
        (lambda s: s.FactorScheduler(1, warmup_mode="x"), "warmup_mode.*'x'"),
        (lambda s: s.FactorScheduler(1, warmup_begin_lr=1.0), "base_lr 0.01.*warmup_begin_lr 1.0"),
    ],
)
def test_refusals_name_argument_and_value(make, words):
    with pytest.raises(ValueError, match=words):
        make(mx.lr_scheduler)


@pytest.mark.parametrize("make", [
    lambda s: s.FactorScheduler(1, warmup_steps=1.5), lambda s: s.PolyScheduler(2.0),
    lambda s: s.CosineScheduler("9"),
])  # fmt: skip
def test_numbers_of_updates_are_whole(make):
    with pytest.raises(TypeError, match="must be an int"):
        make(mx.lr_scheduler)


def test_the_base_class_has_no_schedule():
    with pytest.raises(NotImplementedError, match="LRScheduler"):
        mx.lr_scheduler.LRScheduler()(1)
