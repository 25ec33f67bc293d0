"""A wrong identity rule is told by file, line and field with the mend; a changed one in words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.workspace_changes import changes
from services.common.workspace_files import WorkspaceError, load_workspaces
from tests.fuzz.rules import IDENTITY as RULES
from tests.unit.identity_builders import with_rules
from tests.unit.ingest_builders import WORKSPACE

REGIONS = "write two letters of ISO 3166, such as GB"
ROOTS = "traits., properties., context.device., context.app., context.page., context.campaign."

WRONG = {
    "a pattern that is none": (
        "kinds:\n- kind: user_id\n  limit: 1\n  blocked_patterns:\n  - ok\n  - '(ab'\n",
        "6: `kinds.0.blocked_patterns.1` is '(ab', which is no regular expression that can be "
        "matched here; write a short one without look-around and back references",
    ),
    "a pattern that could run away": (
        "kinds:\n- {kind: user_id, limit: 1, blocked_patterns: ['(?=a)b']}\n",
        "2: `kinds.0.blocked_patterns.0` is '(?=a)b', which is no regular expression that can be "
        "matched here; write a short one without look-around and back references",
    ),
    "a pattern that is too large": (
        "kinds:\n- {kind: user_id, limit: 1, blocked_patterns: ['(a{1000}){1000}']}\n",
        "2: `kinds.0.blocked_patterns.0` is '(a{1000}){1000}', which is no regular expression that "
        "can be matched here; write a short one without look-around and back references",
    ),
    "a region in small letters": (
        "default_region: gb\nkinds: []\n",
        "1: `default_region` is 'gb', no region that phone numbers are known of; did you mean GB?",
    ),
    "a region that is none": (
        "kinds:\n- {kind: phone, limit: 1, spelling: {region: '12'}}\n",
        "2: `kinds.0.spelling.region` is '12', no region that phone numbers are known of; "
        + REGIONS,
    ),
    "a region of what is no number": (
        "kinds:\n- {kind: user_id, limit: 1, spelling: {region: GB}}\n",
        "2: `kinds.0.spelling.region` is GB, and only phone numbers are of a region; "
        "take it out, or let `format` be phone",
    ),
    "a hash of what is not there": (
        "kinds:\n- {kind: user_id, limit: 1}\n"
        "- {kind: h, limit: 1, spelling: {hash_of: {kind: mail, with: sha256}}}\n",
        "3: `kinds.1.spelling.hash_of.kind` is 'mail', which is no kind here; known are user_id",
    ),
    "a hash of a hash": (
        "kinds:\n- {kind: email, limit: 1}\n"
        "- {kind: h, limit: 1, spelling: {hash_of: {kind: email}}}\n"
        "- {kind: i, limit: 1, spelling: {hash_of: {kind: h}}}\n",
        "4: `kinds.2.spelling.hash_of.kind` is 'h', which is a hash itself; known are email",
    ),
    "a hash by another function": (
        "kinds:\n- {kind: h, limit: 1, spelling: {hash_of: {kind: email, with: md5}}}\n",
        "2: `kinds.0.spelling.hash_of.with` is 'md5' and should be 'sha256'; write 'sha256'",
    ),
    "a hash with a case of its own": (
        "kinds:\n- {kind: h, limit: 1, spelling: {case: fold, hash_of: {kind: h}}}\n",
        "2: `kinds.0.spelling.hash_of` stands beside other rules, and a hash is spelled as a hash; "
        "give it a kind and a spelling alone",
    ),
    "another format for addresses": (
        "kinds:\n- {kind: email, limit: 1, spelling: {format: text}}\n",
        "2: `kinds.0.spelling.format` is text, and the kind email is of its own everywhere; "
        "take it out, or name another kind",
    ),
    "a case for addresses": (
        "kinds:\n- {kind: email, limit: 1, spelling: {case: keep}}\n",
        "2: `kinds.0.spelling.case` stands there, and the format email is spelled in one way; "
        "take it out",
    ),
    "spaces around a user's id": (
        "kinds:\n- {kind: user_id, limit: 1, spelling: {trim: false}}\n",
        "2: `kinds.0.spelling.trim` is false, and the kind user_id is trimmed everywhere; "
        "take it out, or name another kind",
    ),
    "two kinds in one place": (
        "kinds:\n- {kind: crm_id, limit: 1, found_in: [traits.id]}\n"
        "- kind: card\n  limit: 1\n  found_in:\n  - properties.card\n  - traits.id\n",
        "7: `kinds.1.found_in.1` is 'traits.id', where crm_id is found; let one kind have it",
    ),
    "a kind where addresses are": (
        "kinds:\n- {kind: crm_id, limit: 1, found_in: [traits.email]}\n",
        "2: `kinds.0.found_in.0` is 'traits.email', where email is found; let one kind have it",
    ),
    "two kinds of one type": (
        "kinds:\n- {kind: card, limit: 1}\n- {kind: crm, limit: 1, external_ids: [card]}\n",
        "3: `kinds.1.external_ids.0` is 'card', where card is found; let one kind have it",
    ),
    "a place that nobody looks into": (
        "kinds:\n- {kind: crm_id, limit: 1, found_in: [context.traits.crm_id]}\n",
        "2: `kinds.0.found_in.0` is 'context.traits.crm_id', no place that is looked into; "
        f"begin it with one of {ROOTS}",
    ),
    "a kind that is no name": (
        "kinds:\n- {kind: CRM id, limit: 1}\n",
        "2: `kinds.0.kind` is 'CRM id', no name of a kind; "
        "write small letters, digits and _, a letter first, such as crm_id",
    ),
    "no time at all": (
        "kinds:\n- {kind: phone, limit: 1, window_days: 0}\n",
        "2: `kinds.0.window_days` is 0 and should be greater than 0; choose another value",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_rule_is_told_by_its_line_with_the_mend(wrong: str, tmp_path: Path) -> None:
    content, said = WRONG[wrong]
    folder = Path(shutil.copytree("deploy/workspace", tmp_path / "demo"))
    (folder / "identity.yaml").write_text(content)
    with pytest.raises(WorkspaceError) as raised:
        load_workspaces(folder)
    assert str(raised.value) == f"{folder}/identity.yaml:{said}"


def test_every_rule_of_the_example_can_be_written(tmp_path: Path) -> None:
    """Also those that stand in its comments."""
    text = Path("deploy/workspace/identity.yaml").read_text()
    lines = text.splitlines()
    told = lines.index(next(line for line in lines if "default_region: GB" in line))
    meant = [line.replace("# default", "default") for line in lines[told:]]
    meant = [
        line.replace("# ", "", 1) if line.lstrip().startswith(("# - {", "# window", "# blocked_"))
        else line
        for line in meant
    ]  # fmt: skip
    folder = Path(shutil.copytree("deploy/workspace", tmp_path / "demo"))
    (folder / "identity.yaml").write_text("\n".join(meant))
    identity = load_workspaces(folder)["demo"].identity
    assert [rule.kind for rule in identity.kinds] == [
        *("user_id", "crm_id", "email", "phone", "whatsapp", "loyalty_card", "email_sha256"),
        "anonymous_id",
    ]
    assert identity.default_region == "GB"
    assert identity.kinds[-1].window_days == 365
    assert identity.kinds[-1].blocked_patterns


def test_rules_of_before_are_what_they_were() -> None:
    """Nothing that is not said changes anything: only that phones and devices are shared is."""
    said: dict[str, Any] = yaml.safe_load(Path("deploy/workspace/identity.yaml").read_text())
    news = {"joins_known", "hub_degree_max"}
    assert {name for rule in said["kinds"] for name in rule} - news == {"kind", "limit", "blocked"}
    assert [rule.joins_known for rule in WORKSPACE.identity.kinds] == [True, True, False, False]
    assert [rule.makes_known for rule in WORKSPACE.identity.kinds] == [True, True, True, False]


def test_a_plan_tells_in_words_what_changed_rules_mean() -> None:
    before, after = with_rules(), with_rules(
        RULES
        | {
            "default_region": "DE",
            "hub_degree_max": 100,
            "kinds": [
                RULES["kinds"][0] | {"limit": 2, "found_in": ["traits.crm_id"]},
                *RULES["kinds"][2:-1],
                RULES["kinds"][-1] | {"blocked_patterns": [], "known": True},
                {"kind": "line", "limit": 1},
            ],
        }
    )  # fmt: skip
    said = {
        str(one).split(" ")[1].rstrip(":"): one.means
        for one in changes({"d": before}, {"d": after})
    }
    words = {place.removeprefix("d.identity."): means for place, means in said.items()}
    assert words.keys() == {
        *("kinds.crm_id.limit", "kinds.crm_id.found_in", "kinds.user_id", "kinds.line"),
        *("kinds.anonymous_id.known", "kinds.anonymous_id.blocked_patterns"),
        *("hub_degree_max", "default_region", "order"),
    }
    assert "rapport identity plan" in words["kinds.crm_id.limit"]
    assert "rapport identity plan" in words["hub_degree_max"]
    assert words["kinds.user_id"].startswith("it is still found, as the weakest")
    assert words["kinds.line"].startswith("it is found in what arrives from now on")
    assert "suppressions hold under both" in words["default_region"]
    assert words["order"].startswith("what arrives counts for")
    assert "public key" in words["kinds.anonymous_id.known"]


def test_a_plan_tells_what_a_public_key_means() -> None:
    public = WORKSPACE.model_copy(
        update={"sources": tuple(one.model_copy(update={"public": True}) for one in [
            WORKSPACE.sources[0]]) + WORKSPACE.sources[1:]}
    )  # fmt: skip
    [one] = changes({"demo": WORKSPACE}, {"demo": public})
    assert str(one) == "~ demo.sources.web.public: False -> True"
    assert (
        one.means == "it can only add: what changes something that is there is kept as public_key"
    )
