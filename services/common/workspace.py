"""A workspace: what belongs to a company rather than to the machine, read from a YAML folder."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from schemas.money import Currency
from services.common.api_keys import ApiKeys as ApiKeys
from services.common.api_keys import KeyHash as KeyHash
from services.common.identity_rules import HashOf as HashOf
from services.common.identity_rules import IdentifierRule as IdentifierRule
from services.common.identity_rules import Identity as Identity
from services.common.identity_rules import Spelling as Spelling
from services.common.mapping import Cell as Cell
from services.common.mapping import RowMapping as RowMapping
from services.common.plan import Plan
from services.common.workspace_parts import Part, broken, different


def _rising(part: Part, lower: str, higher: str) -> None:
    low, high = getattr(part, lower), getattr(part, higher)
    if low >= high:
        what = f"is {high} and `{lower}` is {low}"
        raise broken(higher, what, f"let `{higher}` be the larger one")


#: The source of what comes by Kafka, whether sources.yaml lists it or not.
INBOUND: Final = "inbound"

#: What a browser says in Origin: scheme, host, and port unless it is the scheme's own.
Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]+(:[0-9]+)?$")]


class Limits(Part):
    """How many events a source may send to one ingest process: so many a second for ever, and
    `burst` at once after a rest."""

    events_per_s: float = Field(gt=0)
    burst: int = Field(default=5_000, ge=1)


class Source(Part):
    """Where events come from. A key is kept only as its SHA-256 (hex); two may be alive, so that
    senders can change to a new one before the old one goes. `allowed_origins`: the only web sites
    whose browsers may use it; empty: all, and whoever is no browser always may. `public`: anybody
    can read its key (it stands in a web page), so that it can only add and join nobody known."""

    name: str = Field(min_length=1, max_length=100)
    kind: Literal["http", "kafka", "file"] = "http"
    key_hashes: tuple[KeyHash, ...] = Field(default=(), max_length=2)
    limits: Limits | None = None
    allowed_origins: tuple[Origin, ...] = ()
    public: bool = False
    enabled: bool = True

    @model_validator(mode="after")
    def _only_a_key_is_public(self) -> Self:
        if self.public and self.kind != "http":
            what = f"is true, and a source of kind {self.kind} has no key in web pages"
            raise broken("public", what, "take it out, or let `kind` be http")
        return self


class LifecycleThresholds(Part):
    """P(alive) below which a stage is entered, and below which it is kept (hysteresis)."""

    dormant_enters: float = Field(default=0.40, gt=0, lt=1)
    dormant_stays: float = Field(default=0.55, gt=0, lt=1)
    lost_enters: float = Field(default=0.10, gt=0, lt=1)
    lost_stays: float = Field(default=0.20, gt=0, lt=1)
    growing_orders: int = Field(default=2, ge=2)
    mature_orders: int = Field(default=5, ge=3)
    silent_gaps_dormant: float = Field(default=3.0, gt=0)
    silent_gaps_lost: float = Field(default=8.0, gt=0)
    silent_days_default: float = Field(default=90.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """What is left later than it is entered, and what comes behind what."""
        _rising(self, "dormant_enters", "dormant_stays")
        _rising(self, "lost_enters", "lost_stays")
        _rising(self, "lost_enters", "dormant_enters")
        _rising(self, "growing_orders", "mature_orders")
        _rising(self, "silent_gaps_dormant", "silent_gaps_lost")
        return self


class AlertRules(Part):
    """When alerts are raised, and how old a cause may be for its effect to be sent."""

    churn_alive_below: float = Field(default=0.50, gt=0, lt=1)
    complaint_hours_max: dict[int, float] = Field(default={1: 96, 2: 72, 3: 48, 4: 24})


class Endpoint(Part):
    """Where webhooks go; the secret (whsec_...) is read from the environment variable named.

    `purpose`: what it does with people, as they consent to it or not. Then it gets only what is
    about somebody whose newest word on that purpose, as of the sending, is yes and has not
    expired; with `unasked: send` also what is about those who have never been asked.
    """

    name: str = Field(min_length=1, max_length=100)
    url: str
    events: tuple[str, ...] = ("lifecycle.changed", "alerts.raised", "actions.requested")
    secret_env: str
    enabled: bool = True
    purpose: str | None = Field(default=None, min_length=1, max_length=200)
    unasked: Literal["withhold", "send"] = "withhold"

    @model_validator(mode="after")
    def _unasked_of_something(self) -> Self:
        if self.unasked == "send" and self.purpose is None:
            raise broken("unasked", "is for a `purpose`, and there is none", "name the purpose")
        return self


class Workspace(Part):
    """One company.

    `effects_max_age_days`: older causes are recorded, not sent; likewise whatever is learned from
    touchpoints of profiles that were last seen before (an import). `profile_history_days`: older
    orders and finished cases are kept in short, with every figure as it was. `household_traits`:
    people in whose profiles all of these traits agree are one household; none: a household is what
    a sender says. `profiling_purpose`: the purpose of consent that somebody refuses who is not to
    be scored.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    currency: Currency = "USD"
    effects_max_age_days: float = Field(default=7, gt=0)
    profile_history_days: int = Field(default=730, ge=30)
    household_traits: tuple[str, ...] = Field(default=(), max_length=10)
    profiling_purpose: str | None = Field(default=None, min_length=1, max_length=200)
    sources: tuple[Source, ...]
    identity: Identity
    lifecycle: LifecycleThresholds = LifecycleThresholds()
    alerts: AlertRules = AlertRules()
    endpoints: tuple[Endpoint, ...] = ()
    api_keys: ApiKeys = ApiKeys()
    mappings: dict[str, RowMapping] = Field(default_factory=dict)
    plans: tuple[Plan, ...] = ()

    @field_validator("sources")
    @classmethod
    def _each_source_is_itself(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        """A key opens one source."""
        different("name", ([source.name] for source in sources))
        different("key", ({value.lower() for value in source.key_hashes} for source in sources))
        return sources

    @field_validator("endpoints")
    @classmethod
    def _each_endpoint_is_itself(cls, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        different("name", ([endpoint.name] for endpoint in endpoints))
        return endpoints

    @model_validator(mode="after")
    def _no_write_key_reads(self) -> Self:
        """A write key may stand in a web page: whoever reads it there must not read profiles."""
        write = {value.lower() for source in self.sources for value in source.key_hashes}
        for place, key in enumerate(self.api_keys.keys):
            if write & {value.lower() for value in key.key_hashes}:
                field = ("api_keys", "keys", place, "key_hashes")
                raise broken(field, "is a source's write key", "make a key of its own")
        return self

    @model_validator(mode="after")
    def _one_plan_for_each_source(self) -> Self:
        """A source that is there has one plan at most; one plan at most is for all the others."""
        known = {source.name for source in self.sources} | {INBOUND}
        taken: dict[str, str] = {}
        for place, plan in enumerate(self.plans):
            for number, source in enumerate(plan.sources or ("",)):
                field = ("plans", place, "sources", number) if source else ("plans", place)
                if source and source not in known:
                    what = f"is {source!r}, which is no source"
                    raise broken(field, what, f"known are {', '.join(sorted(known))}")
                if source in taken:
                    what = f"is for {source or 'all sources'!r}, as plan {taken[source]!r} is"
                    raise broken(field, what, "name other `sources` in one of them")
                taken[source] = plan.name
        return self

    def plan_of(self, source: str) -> Plan | None:
        """The tracking plan of a source: the one that names it, else the one for all."""
        named = (plan for plan in self.plans if source in plan.sources)
        return next(named, next((plan for plan in self.plans if not plan.sources), None))

    def alive_thresholds(self) -> tuple[float, ...]:
        """Every P(alive) that some rule asks about, highest first: scores tell when each is met."""
        rules = self.lifecycle
        asked = {rules.dormant_enters, rules.dormant_stays, rules.lost_enters, rules.lost_stays}
        return tuple(sorted(asked | {self.alerts.churn_alive_below}, reverse=True))
