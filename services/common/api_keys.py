"""Who may read profiles over HTTP: keys with scopes, and which traits are personal."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, field_validator

from services.common.workspace_parts import Part, different

#: SHA-256 in hex.
KeyHash = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]

#: Traits that tell who somebody is or how to reach them, spelled as `plain_name` spells them.
_WORDS: Final = """
    name fullname firstname middlename lastname givenname familyname surname maidenname nickname
    displayname username login title salutation avatar photo picture email emailaddress phone
    phonenumber mobile mobilenumber telephone fax wechat wechatid openid unionid whatsapp telegram
    skype twitter linkedin facebook instagram website address street streetaddress addressline1
    addressline2 housenumber postcode postalcode zip zipcode latitude longitude geo location
    birthday birthdate dateofbirth dob birthplace gender sex nationality ethnicity religion
    maritalstatus ssn socialsecuritynumber taxid vatid nationalid idnumber idcard passport
    passportnumber driverslicense iban bic accountnumber bankaccount creditcard cardnumber ip
    ipaddress deviceid advertisingid idfa password token secret
"""
PERSONAL_TRAITS: Final = frozenset(_WORDS.split())
#: homeAddress, work_email, secretary's phone, and so on.
_ENDS: Final = ("address", "email", "phone", "phonenumber", "firstname", "lastname", "fullname")


class Scope(StrEnum):
    """What a key may do. Without `profile:pii` identifiers and personal traits are masked."""

    PROFILE_READ = "profile:read"
    PROFILE_PII = "profile:pii"
    TIMELINE_READ = "timeline:read"
    SCORES_READ = "scores:read"
    CONSENT_READ = "consent:read"
    LINKS_READ = "links:read"
    ACCOUNT_READ = "account:read"
    MEMBERS_READ = "members:read"
    SEARCH = "search"
    CHANGES = "changes"
    IDENTITY_WRITE = "identity:write"


class ApiKey(Part):
    """A key of the profile API. It is kept only as its SHA-256 (hex); two may be alive, so that a
    client can change to a new one before the old one goes."""

    name: str = Field(min_length=1, max_length=100)
    key_hashes: tuple[KeyHash, ...] = Field(default=(), max_length=2)
    scopes: tuple[Scope, ...] = Field(min_length=1)
    enabled: bool = True


class ApiKeys(Part):
    """`personal`: traits that are masked besides those that always are."""

    personal: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    keys: tuple[ApiKey, ...] = ()

    @field_validator("keys")
    @classmethod
    def _each_key_is_itself(cls, keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        """A key opens one entry."""
        different("name", ([key.name] for key in keys))
        different("key", ({value.lower() for value in key.key_hashes} for key in keys))
        return keys

    def personal_names(self) -> frozenset[str]:
        """The names of all personal traits, as `plain_name` spells them."""
        return PERSONAL_TRAITS | {plain_name(name) for name in self.personal}


def is_personal(name: str, personal: frozenset[str]) -> bool:
    """Whether a trait of this name is personal: named so, or some kind of what always is."""
    plain = plain_name(name)
    return plain in personal or plain.endswith(_ENDS)


def plain_name(name: str) -> str:
    """The one spelling of a trait's name: firstName, first_name and First Name are the same."""
    return "".join(filter(str.isalnum, name.casefold()))
