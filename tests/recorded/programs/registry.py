"""Name tables: registering, aliases, making by name, JSON or instance, warnings and refusals."""

import importlib
import warnings

from . import outcome, program


class Animal:
    """What is registered here."""

    def __init__(self, legs=4, name="animal"):
        self.legs, self.name = legs, name


def refused(call):
    """As `outcome`, but any error will do: MXNet asserts where cysym raises ValueError or TypeError."""
    found = outcome(call)
    return "refused" if isinstance(found, str) and found.startswith("raises") else found


def table(mx):
    """A base class of its own with the three functions and two classes."""
    registry = importlib.import_module(mx.__name__ + ".registry")
    base = type("Base", (Animal,), {})
    register, alias = registry.get_register_func(base, "animal"), registry.get_alias_func(base, "animal")
    create = registry.get_create_func(base, "animal")
    dog = register(alias("hound", "Wolf")(type("Dog", (base,), {})))
    bird = register(type("Bird", (base,), {}), "Flyer")
    return registry, base, register, alias, create, dog, bird


@program(cpu=True)
def made_by_description(mx, ctx):
    create, dog = table(mx)[4:6]
    rex = dog(name="rex")
    given = [
        lambda: create("dog"), lambda: create("DOG", 3), lambda: create("hound", legs=2),
        lambda: create("wolf", 5, "w"), lambda: create("flyer"), lambda: create('["dog", {"legs": 7}]'),
        lambda: create('["Hound", {}]'), lambda: create('{"animal": "dog", "legs": 8}'),
        lambda: create({"animal": "flyer", "name": "f"}), lambda: create(animal="dog", legs=1),
        lambda: create(rex), lambda: create(animal=rex), lambda: create('["dog", {"legs": 7}]', 3),
        lambda: create(rex, 3), lambda: create(rex, legs=3), lambda: create("bird"), lambda: create(""),
        lambda: create(3), lambda: create(None), lambda: create(), lambda: create(["dog", {}]),
        lambda: create('["dog"]'), lambda: create('["dog", 3]'), lambda: create("{"),
        lambda: create('{"legs": 3}'), lambda: create("dog", wings=2),
    ]  # fmt: skip

    def shown(call):
        found = refused(call)
        return found if isinstance(found, str) else [type(found).__name__, found.legs, found.name]

    return {"made": [shown(call) for call in given], "same": create(rex) is rex}


@program(cpu=True)
def what_is_registered(mx, ctx):
    registry, base, register, alias, create, dog, _ = table(mx)
    names = registry.get_registry(base)
    names["more"] = dog
    empty = registry.get_registry(type("Other", (), {}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fresh = register(type("Cat", (base,), {}))
        quiet = len(caught)
        register(type("Dog", (base,), {}))
        alias("hound")(fresh)
    return {
        "names": sorted(registry.get_registry(base)),
        "empty": empty,
        "returned": [
            fresh.__name__,
            alias("cat2")(fresh) is fresh,
            registry.get_registry(base)["cat2"] is fresh,
        ],
        "warnings": [quiet, [w.category.__name__ for w in caught]],
        "last wins": [type(create("hound")).__name__, create("dog").__class__ is dog],
        "no subclass": refused(lambda: register(dict)),
        "no class": refused(lambda: register(3)),
        "own base": refused(lambda: register(base).__name__),
    }


@program(cpu=True)
def tables_of_the_library(mx, ctx):
    registry = importlib.import_module(mx.__name__ + ".registry")

    def own(base):
        known = registry.get_registry(base).items()
        return sorted(name for name, klass in known if klass.__module__.split(".")[0] == mx.__name__)

    return {"initializers": own(mx.init.Initializer), "metrics": own(mx.metric.EvalMetric)}
