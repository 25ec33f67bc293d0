"""An endpoint that can not be used is off, and the log says why without its secret."""

import pytest

from services.common.workspace import Endpoint, IdentifierRule, Identity, Workspace
from services.journey.deliver.endpoints import targets

SECRET = "whsec_" + "c2VjcmV0" * 4
WHERE = {"WHERE": "https://example.com/hook?token=t0ken", "SECRET": SECRET}


def workspace(**endpoint: object) -> Workspace:
    fields = {"name": "crm", "url": "${WHERE}", "secret_env": "SECRET"} | endpoint
    return Workspace(
        name="acme",
        sources=(),
        identity=Identity(kinds=(IdentifierRule(kind="user_id", limit=1),)),
        endpoints=(Endpoint.model_validate(fields),),
    )


def test_variables_are_filled_in() -> None:
    found = targets([workspace()], WHERE, allow_private=False)
    assert found["acme/crm"].url == WHERE["WHERE"]
    assert len(found["acme/crm"].secrets) == 1


def test_a_rotation_has_several_secrets() -> None:
    environment = WHERE | {"SECRET": f"{SECRET} {SECRET}"}
    assert len(targets([workspace()], environment, allow_private=False)["acme/crm"].secrets) == 2


@pytest.mark.parametrize(
    ("endpoint", "environment", "says"),
    [
        ({}, {"SECRET": SECRET}, "the environment variable WHERE is not set"),
        ({}, WHERE | {"WHERE": ""}, "the environment variable WHERE is not set"),
        ({}, WHERE | {"SECRET": ""}, "the environment variable SECRET is not set"),
        ({}, WHERE | {"SECRET": "hunter2"}, "SECRET: a secret does not begin with whsec_"),
        ({"enabled": False}, WHERE, "enabled is false"),
        ({"url": "http://example.com"}, WHERE, "its url is refused: it is not https"),
        ({"url": "https://10.0.0.1"}, WHERE, "10.0.0.1 is not a global address"),
    ],
)
def test_it_is_off_and_says_why(
    endpoint: dict[str, object],
    environment: dict[str, str],
    says: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert targets([workspace(**endpoint)], environment, allow_private=False) == {}
    assert says in caplog.text
    assert "acme/crm is off" in caplog.text
    assert "hunter2" not in caplog.text


def test_neither_url_nor_secret_shows_when_an_endpoint_is_printed() -> None:
    shown = repr(targets([workspace()], WHERE, allow_private=False))
    assert "t0ken" not in shown
    assert "secret" not in shown
