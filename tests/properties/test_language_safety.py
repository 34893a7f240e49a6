"""What the checks accept can be evaluated, and means the same in any order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from congress_dist.policy import Engine, PolicyError

names = st.sampled_from(["x", "y", "z", "w"])
terms = st.one_of(names, st.sampled_from(["1", "2", '"a"', "null"]))
expressions = st.one_of(
    terms,
    st.builds("{} + {}".format, terms, terms),
    st.builds("-{}".format, names),
    st.just("_"),
)
flat = st.one_of(
    st.builds("d:t({}, {})".format, expressions, expressions),
    st.builds("not d:t({}, {})".format, expressions, expressions),
    st.builds("{} {} {}".format, terms, st.sampled_from(["=", "!=", "<", ">="]), expressions),
    st.builds("{} in [1, 2]".format, names),
    st.builds("{} not in [1]".format, names),
    st.builds("plus({}, {}, {})".format, terms, terms, expressions),
    st.builds("not lt({}, {})".format, terms, terms),
    st.sampled_from(["true", "false"]),
)


def groups(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(", ".join)
    either = st.lists(body, min_size=1, max_size=2).map(" or ".join)
    return st.one_of(st.builds("({})".format, either), st.builds("not ({})".format, either))


conditions = st.recursive(flat, groups, max_leaves=4)
bodies = st.lists(conditions, min_size=1, max_size=4)
heads = st.one_of(
    st.builds("p({}, {})".format, names, terms),
    st.builds("p({}, count({}))".format, expressions, names),
)


def rows_of(head: str, body: list[str]) -> list[tuple[object, ...]]:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["a", "b"]})
    engine.load("d", {"t": [(1, 2), (2, 1), (2, 3), ("a", None), (1, 1)]})
    engine.insert("p", f"{head} :- {', '.join(body)}")
    return sorted(engine.rows("p", "p"), key=repr)


@settings(max_examples=200, deadline=None)
@given(heads, bodies)
def test_what_is_accepted_is_evaluated_whatever_its_order(head: str, body: list[str]) -> None:
    try:
        rows = rows_of(head, body)
    except PolicyError as error:
        refused = [d.code for d in error.diagnostics if not d.hint]
        with pytest.raises(PolicyError):
            rows_of(head, body[::-1])
        assert refused == []
    else:
        assert rows_of(head, body[::-1]) == rows
