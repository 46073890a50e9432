"""Answers of curated state, tail and live view together: each event once, whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lake_core.layout import Chain
from lake_core.names import Domain
from lake_core.rules import DEFAULT
from tests.unit.analytics_api.curated_builder import Tasks
from tests.unit.analytics_api.expectations import (
    assert_figures,
    expected_manufacturing,
    purchase_rows,
    reading_rows,
)
from tests.unit.analytics_api.lake_builder import Api
from tests.unit.analytics_api.live_stream import Shard, Stream
from tests.unit.analytics_api.test_states import PATHS, answers

ROWS = {Domain.MANUFACTURING: reading_rows(400), Domain.ECOMMERCE: purchase_rows(400)}
# What there is more of is there more often; `flow` is what happens all day.
STEPS = [
    *["flow"] * 6, *["commit"] * 3, *["lake"] * 3, "zombie", "zombie", "send", "show", "live",
    "batch", "away",
]  # fmt: skip
OTHER_RULES = replace(
    DEFAULT, name="other",
    scores={**DEFAULT.scores, Domain.MANUFACTURING: DEFAULT.scores[Domain.MANUFACTURING][1:]},
)  # fmt: skip
LAKE_ALONE = ("/v1/lake", "/v1/lake/integrity", "/readyz", "/v1/insights/completeness")
COUNTED = [path for path in PATHS if path not in LAKE_ALONE]


class Life:
    """A stream with producers, two processors a shard, the batch side, and an API that looks."""

    def __init__(self, data: st.DataObject) -> None:
        self.stream = Stream()
        self.sent = dict.fromkeys(Domain, 0)
        self.shown: dict[int, int] = {}
        self.tasks = Tasks(self.stream.lake)
        self.api = Api(self.stream.lake, live=self.stream.live)
        self.api.service.follower.do_meanwhile(self._meanwhile)
        self._data = data

    def step(self, name: str) -> None:
        shard = self._data.draw(st.sampled_from([*self.stream.shards.values()]))
        getattr(self, f"_{name}")(shard)

    def _size(self) -> int:
        return self._data.draw(st.integers(1, 12))

    def _flow(self, shard: Shard) -> None:
        self._send(shard)
        self._show(shard)
        self._live(shard)

    def _send(self, shard: Shard) -> None:
        """Rows in order; some go again with their identity, have none, or are unusable."""
        domain, rows = shard.chain.domain, ROWS[shard.chain.domain]
        for _ in range(self._size()):
            kind = self._data.draw(st.integers(0, 9))
            row = max(0, self.sent[domain] - 3) if kind == 0 else self.sent[domain]
            identity = ("f.csv-0a-0", row) if kind > 2 or kind == 0 else (None, None)
            shard.records.append(None if kind == 1 else (rows[row % len(rows)], identity))
            self.sent[domain] = max(self.sent[domain], row + 1)

    def _show(self, shard: Shard) -> None:
        begin = max(self.shown.get(id(shard), 0), shard.committed)
        self.stream.show(shard, begin, len(shard.records))
        self.shown[id(shard)] = len(shard.records)

    def _zombie(self, shard: Shard) -> None:
        """A processor that was replaced, or that reads again: any cut, at any time."""
        begin = self._data.draw(st.integers(0, len(shard.records)))
        self.stream.show(shard, begin, self._data.draw(st.integers(begin, len(shard.records))))

    def _commit(self, shard: Shard) -> None:
        self.stream.commit(shard, self._size())

    def _batch(self, shard: Shard) -> None:
        del shard
        self.tasks.batch(self._data.draw(st.integers(1, 3)))

    def _live(self, shard: Shard) -> None:
        del shard
        self.api.now += 0.25
        self.api.service.refresh_live()

    def _lake(self, shard: Shard) -> None:
        del shard
        self.api.now += 6
        self.api.poll()

    def _meanwhile(self) -> None:
        """While the API waits for the bucket, time goes on, and it looks ahead."""
        name = self._data.draw(st.sampled_from(["nothing", "live", "flow", "commit"]))
        if name != "nothing":
            self.step(name)

    def _away(self, shard: Shard) -> None:
        del shard
        self.stream.live.away = not self.stream.live.away
        self.api.now += 15  # a live view that was away is looked at again after a while

    def through(self) -> dict[Chain, str | None]:
        domains = self.api.service.follower.domains.values()
        return {chain: proof.through for lake in domains for chain, proof in lake.shards.items()}


@given(st.lists(st.sampled_from(STEPS), min_size=5, max_size=40), st.data())
@settings(deadline=None, max_examples=60)
def test_each_event_counts_once_while_commits_batch_runs_and_replays_happen(
    steps: list[str], data: st.DataObject
) -> None:
    """After every step the answers are those of a lake that holds what is counted, at once."""
    life, reached = Life(data), dict[Chain, str | None]()
    for name in ("send", "send", "show", *steps):
        life.step(name)
        through = life.through()
        assert all(int(through[chain] or 0) >= int(was or 0) for chain, was in reached.items())
        reached = through
    reference = Api(life.stream.lake_through(reached), from_states=False).poll()
    assert _counted(life.api) == _counted(reference)


@given(st.lists(st.sampled_from(STEPS), min_size=5, max_size=40), st.data())
@settings(deadline=None, max_examples=30)
def test_when_the_lake_has_everything_nothing_is_left_of_the_live_view(
    steps: list[str], data: st.DataObject
) -> None:
    life = Life(data)
    for name in ("send", *steps):
        life.step(name)
    life.api.service.follower.do_meanwhile(lambda: None)  # nothing more happens
    for shard in life.stream.shards.values():
        life.stream.commit(shard, len(shard.records))
    life.stream.live.away = False
    for _ in range(3):
        life.api.now += 11
        life.api.poll()
    follower = life.api.service.follower
    assert all(lake.live_rows == 0 and not lake.differs for lake in follower.domains.values())
    reference = Api(life.stream.lake, from_states=False).poll()
    assert answers(life.api) == answers(reference)
    assert duplicates(life.api) == duplicates(reference)


def duplicates(api: Api) -> list[int]:
    """Of each domain: which of its shards has the first of two depends on who reads first."""
    shards = api.ok("/v1/lake/integrity")["shards"]
    return [
        sum(one["producer_duplicates"] for one in shards if one["domain"] == domain)
        for domain in Domain
    ]


def _counted(api: Api) -> dict[str, Any]:
    """Every answer that events are counted in, without where it came from and what only the
    lake knows: what was unusable."""
    made = {path: api.get(path)[2] for path in COUNTED}
    return {path: _without(answer) for path, answer in made.items()}


def _without(answer: Any) -> Any:
    left_out = {"freshness", "producer_duplicates", "missing", "detail"}
    if isinstance(answer, dict):
        return {key: _without(value) for key, value in answer.items() if key not in left_out}
    return [_without(one) for one in answer] if isinstance(answer, list) else answer


def lake_of(rows: int, committed: int) -> tuple[Stream, Shard]:
    stream = Stream()
    shard = stream.shards[Domain.MANUFACTURING, 0]
    readings = ROWS[Domain.MANUFACTURING][:rows]
    shard.records += [(row, ("f.csv-0a-0", number)) for number, row in enumerate(readings)]
    stream.commit(shard, committed)
    return stream, shard


def test_what_is_received_is_in_the_answer_before_the_lake_has_it_and_freshness_says_so() -> None:
    stream, shard = lake_of(400, committed=300)
    api = Api(stream.lake, live=stream.live).poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 300
    stream.show(shard, 300, 400)
    api.service.refresh_live()
    said = api.ok("/v1/insights/manufacturing")
    assert_figures(said, expected_manufacturing(ROWS[Domain.MANUFACTURING]))
    assert said["freshness"]["sources"] == ["live", "processed"]
    assert api.ok("/v1/lake")["zones"]["processed"]["manufacturing"]["rows"] == 300
    stream.commit(shard, 100)
    api.poll()
    said = api.ok("/v1/insights/manufacturing")
    assert_figures(said, expected_manufacturing(ROWS[Domain.MANUFACTURING]))
    assert said["freshness"]["sources"] == ["processed"]


def test_a_live_view_that_told_otherwise_than_the_lake_is_counted_anew_and_left_alone() -> None:
    stream, shard = lake_of(400, committed=200)
    Tasks(stream.lake).batch()
    api = Api(stream.lake, live=stream.live).poll()
    stream.show(shard, 200, 300, rules=OTHER_RULES)
    api.service.refresh_live()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 300
    stream.commit(shard, 150)
    for _ in range(2):
        api.now += 1
        api.poll()
    assert_figures(
        api.ok("/v1/insights/manufacturing"),
        expected_manufacturing(ROWS[Domain.MANUFACTURING][:350]),
    )
    assert any("told of other rows" in note for note in api.service.snapshot.notes)
    stream.show(shard, 350, 400, rules=OTHER_RULES)
    api.service.refresh_live()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 350
    api.now += 301
    api.service.refresh_live()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 400


def test_a_live_view_that_is_away_is_told_of_and_done_without() -> None:
    stream, shard = lake_of(400, committed=300)
    stream.show(shard, 300, 350)
    stream.live.away = True
    api = Api(stream.lake, live=stream.live).poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 300
    looks = stream.live.looks
    api.service.refresh_live()
    assert stream.live.looks == looks  # it is left alone for a while
    stream.live.away = False
    api.now += 11
    api.service.refresh_live()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 350


def test_a_broken_chunk_is_told_of_and_the_lake_goes_on_without() -> None:
    stream, shard = lake_of(400, committed=300)
    stream.live.items[shard.chain][1301] = b"no chunk"
    api = Api(stream.lake, live=stream.live).poll()
    stream.commit(shard, 100)
    api.poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 400


def test_where_the_lake_holds_nothing_usable_yet_the_live_rows_make_an_answer_of_both() -> None:
    """A range without a row, and without an entry that could not be used, has no quality itself."""
    stream, shard = lake_of(0, committed=0)
    shop = stream.shards[Domain.ECOMMERCE, 0]
    shop.records += [(ROWS[Domain.ECOMMERCE][0], ("g.csv-0a-0", 0))]
    stream.commit(shop, 1)
    shard.records += [None, (ROWS[Domain.MANUFACTURING][0], ("f.csv-0a-0", 0))]
    stream.commit(shard, 1)
    stream.show(shard, 1, 2)
    api = Api(stream.lake, live=stream.live).poll()
    said = api.ok("/v1/insights/integrated")
    assert said["manufacturing"]["records_analyzed"] == 1
    assert said["cross_domain_insights"]["data_quality_composite"] == 1.0


def test_a_shard_is_live_before_the_lake_holds_anything_of_it_and_nothing_is_proven_of_it() -> None:
    stream, shard = lake_of(200, committed=0)
    other = stream.shards[Domain.MANUFACTURING, 1]
    other.records += [
        (row, ("f.csv-0a-0", 200 + number))
        for number, row in enumerate(ROWS[Domain.MANUFACTURING][200:300])
    ]
    api = Api(stream.lake, live=stream.live).poll()
    assert api.get("/v1/insights/manufacturing")[0] == 503
    stream.show(shard, 0, 200)
    api.now += 2
    api.service.refresh_live()
    said = api.ok("/v1/insights/manufacturing")
    assert_figures(said, expected_manufacturing(ROWS[Domain.MANUFACTURING][:200]))
    assert said["freshness"]["sources"] == ["live"]
    proof = api.ok("/v1/lake/integrity")
    assert (proof["verified"], proof["shards"]) == (False, [])
    stream.commit(shard, 100)
    stream.show(other, 0, 100)  # a shard that a split has made
    api.now += 2
    api.poll()
    said = api.ok("/v1/insights/manufacturing")
    assert_figures(said, expected_manufacturing(ROWS[Domain.MANUFACTURING][:300]))
    proof = api.ok("/v1/lake/integrity")
    assert (proof["verified"], len(proof["shards"])) == (True, 1)
    assert api.ok("/v1/insights/completeness")["domains"]["manufacturing"]["shards"] == 1


def test_a_chunk_of_a_shard_whose_beginning_was_not_live_waits_for_the_lake() -> None:
    stream, shard = lake_of(200, committed=0)
    stream.live.chains.add(shard.chain)
    stream.show(shard, 50, 200)
    api = Api(stream.lake, live=stream.live).poll()
    assert api.get("/v1/insights/manufacturing")[0] == 503
    stream.commit(shard, 60)
    api.now += 2
    api.poll()
    assert api.ok("/v1/insights/manufacturing")["records_analyzed"] == 200
