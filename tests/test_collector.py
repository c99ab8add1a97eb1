"""The cycle collector is paused while graphs are loaded and compiled, and is afterwards as it was."""

from __future__ import annotations

import gc
import os
import threading

import pytest

import cysym as mx
from cysym.collector import paused


@pytest.fixture(autouse=True)
def as_it_was():
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_pauses_nest_and_leave_the_users_choice(enabled):
    (gc.enable if enabled else gc.disable)()

    @paused()
    def failing():
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert gc.isenabled() is enabled


def test_the_last_of_several_threads_ends_the_pause():
    gc.enable()
    inside, leave = threading.Event(), threading.Event()

    @paused()
    def other():
        inside.set()
        leave.wait(10)

    thread = threading.Thread(target=other)
    with paused():
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_binding_and_loading_collect_nothing():
    """The graph is large enough for some 400 collections, were there no pause."""
    x = mx.sym.Variable("x")
    for _ in range(3000):
        x = mx.sym.tanh(x) + 1.0
    text, ran = x.tojson(), []

    def note(phase, info):
        ran.append(phase)

    gc.enable()
    gc.callbacks.append(note)
    try:
        loaded = mx.sym.load_json(text)
        executor = loaded.simple_bind(mx.cpu(), grad_req="null", x=(2,))
    finally:
        gc.callbacks.remove(note)
    assert gc.isenabled()
    assert ran.count("start") < 60
    assert executor.forward()[0].shape == (2,)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_pause_collects():
    gc.enable()
    with paused():
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gc.isenabled()
