"""What the fuzzer's workspace says: mappings of every type of column and time, a tracking plan."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.fuzz.mending import BETWEEN, CALLS, MENDED, RULES
from tests.fuzz.parquet import SPECS, TYPES

_WHO: Final = {"user_id": "customer", "email": "mail", "phone": "phone", "anonymous_id": "visitor"}

MAPPINGS: Final[dict[str, dict[str, Any]]] = {
    "orders": {
        **_WHO,
        "call": "track",
        "event": "Order Completed",
        "time": {"column": "at", "zone": "Europe/Berlin"},
        "properties": {
            "order_id": "order_no",
            "total": {"column": "amount", "type": "money", "currency_column": "currency"},
            "lines.0.sku": "item.sku",
            "lines.0.quantity": {"column": "count", "type": "number"},
            "paid": {"column": "paid", "type": "boolean"},
            "due": {"column": "due", "type": "time", "format": "%d.%m.%Y %H:%M"},
        },
        "only": {"status": ["paid", "shipped"]},
        "key": ["order_no"],
        "cloudevents": {"type": "shop.order"},
        "debezium": {"table": "orders", "ops": ["c", "u", "r", "d"], "changed": ["status"]},
    },
    "people": {
        **_WHO,
        "call": "identify",
        "time": {"column": "at", "format": "ms"},
        "traits": {
            "name": {"column": "name", "type": "text"},
            "age": {"column": "count", "type": "integer"},
            "address.city": "item.city",
        },
        "cloudevents": {"type": "shop.person"},
        "debezium": {"table": "public.people"},
    },
    "days": {
        **_WHO,
        "call": "page",
        "time": {"column": "at", "format": "days"},
        "properties": {"url": "url", "seen": {"column": "due", "type": "time", "format": "ns"}},
        "cloudevents": {"type": "shop.person"},
    },
}

#: Every rule that there is: strongest first, as identity.yaml says it.
IDENTITY: Final[dict[str, Any]] = {
    "default_region": "GB",
    "kinds": [
        {"kind": "crm_id", "limit": 1, "found_in": ["traits.crm_id", "properties.crm.id"]},
        {"kind": "user_id", "limit": 1, "spelling": {"case": "fold"}},
        {"kind": "email", "limit": 5, "found_in": ["traits.work_email"]},
        {"kind": "phone", "limit": 5, "blocked": ["020 7946 0999"]},
        {"kind": "whatsapp", "limit": 2, "spelling": {"format": "phone", "region": "DE"}},
        {"kind": "email_sha256", "limit": 5, "spelling": {"hash_of": {"kind": "email"}}},
        {"kind": "loyalty_card", "limit": 3, "external_ids": ["card", "store.card"]},
        {"kind": "till", "limit": 3, "spelling": {"trim": False}, "known": False},
        {"kind": "anonymous_id", "limit": 1000, "blocked_patterns": ["^test-", "(a+)+$"]},
    ],
}

PLAN: Final[dict[str, Any]] = {
    "name": "web",
    "unplanned": "allow",
    "events": {
        "Wishlist Shared": {
            "mode": "quarantine",
            "schema": {
                "required": ["size"],
                "properties": {
                    "size": {"type": "integer", "minimum": 1},
                    "list": {"enum": ["birthday", "wedding"]},
                    "at": {"type": "string", "format": "date-time"},
                    "code": {"type": "string", "pattern": "^[A-Z]{2}(-[0-9]+)*$"},
                },
                "additionalProperties": {"type": ["string", "number", "object"]},
                "propertyNames": {"maxLength": 20},
            },
        },
        "Blocked One": {"mode": "block", "schema": {"minProperties": 1, "maxProperties": 3}},
        "order_completed": {"mode": "allow", "schema": {"required": ["channel"]}},
        "identified": {"traits": {"required": ["email"]}},
    },
}

_CALL: Final = (
    b'{"batch":[{"type":"track","userId":"u1","event":"Order Completed","messageId":"m1",'
    b'"properties":{"order_id":"SO-1","total":29.33,"currency":"USD","products":[{"sku":"a",'
    b'"price":1,"quantity":2}]},"timestamp":"2026-01-01T00:00:00Z"}],"sentAt":"2026-01-01"}'
)
_SOURCE: Final = (
    b'"source":{"connector":"postgresql","name":"crm","db":"crm","schema":"public",'
    b'"table":"orders","ts_ms":1714557600000,"lsn":24023128,"txId":555,"snapshot":"false"}'
)
_ROW: Final = (
    b'{"order_no":"SO-1","customer":"c1","mail":"ann@x.example","phone":"+44 20 7946 0000",'
    b'"at":"2020-07-01T12:00:00Z","amount":"12.50","currency":"eur","count":"3","paid":"yes",'
    b'"due":"01.02.2020 13:45","status":"paid","item":{"sku":"CD","city":"Rome"},"name":"Ann"}'
)
_EVENT: Final = b'"specversion":"1.0","id":"e-1","source":"/shop","type":"shop.order"'
_REDRIVEN: Final = (
    b'{"letter":"00000000-0000-0000-0000-000000000007","source":"web","part":0,"way":{'
    b'"received_at":"2026-03-01T00:00:00Z","content_id":"c","message_id":"m","call_type":"track",'
    b'"sent_at":"2026-03-01T00:00:00Z","context":{"locale":"de"},"dialect":null,"whole":true}}'
)
_CSV: Final = (
    b"order_no,customer,mail,phone,visitor,at,amount,currency,count,paid,due,status,item.sku\n"
    b"SO-1,c1,ann@x.example,+442079460000,v,2020-07-01T12:00:00,12.50,EUR,3,yes,,paid,CD\n"
    b'"SO-2","c,2",,,,1593604800000,"1.234,50",,x,no,01.02.2020 13:45,shipped,\n'
)

#: Entry -> what its corpus begins with.
SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "batch": (_CALL, b'{"batch":[{"type":"identify"},null,7],"context":{"locale":"de"}}'),
    "track": (
        b'{"userId":"u1","event":"Complaint Received","properties":{"complaint_id":"C-1",'
        b'"severity":4},"timestamp":"2026-01-01T00:00:00.123456789+01:00"}',
        b'{"event":"Called","userId":NaN,"properties":{"duration":1e999,"x":"\\ud83d"}}',
    ),
    "identify": (b'{"userId":"u1","traits":{"email":"a@b.example","phone":"+44 20 7946 0000"}}',),
    "page": (b'{"anonymousId":"a1","name":"Home","context":{"page":{"url":"https://x/?q=1"}}}',),
    "screen": (b'{"anonymousId":"a1","name":"Home","context":{"library":{"name":"ios"}}}',),
    "group": (b'{"userId":"u1","groupId":"g1","traits":{"name":"Acme"}}',),
    "alias": (b'{"userId":"u1","previousId":"u0","previousKind":"email"}',),
    "posthog": (
        b'{"api_key":"k","batch":[{"event":"$identify","distinct_id":"u1","properties":{"$set":{}'
        b',"$anon_distinct_id":"a"}},{"event":"$groupidentify","properties":{"$group_type":"team",'
        b'"$group_key":"g"}},{"event":"$create_alias","properties":{"alias":"b"}}],"sent_at":"x"}',
        b'{"event":"$pageview","distinct_id":"u","uuid":"m","properties":{"$current_url":"u"}}',
        b'{"event":"$screen","distinct_id":"u","properties":{"$screen_name":"u","$os":"x"}}',
    ),
    "gzip": (_CALL, b"", b" " * 3_000),
    "authorization": (b"ZGVtby13cml0ZS1rZXk6", b"Basic ZGVtby13cml0ZS1rZXk6", b"demo-write-key"),
    "structured": (
        b"{" + _EVENT + b',"time":"2024-05-01T10:00:00Z","data":' + _ROW + b"}",
        b"{" + _EVENT + b',"data_base64":"eyJhIjoxfQ=="}',
        b'{"specversion":"1.0","id":"e","source":"s","type":"t","data":{"type":"track","event":"x",'
        b'"userId":"u"}}',
    ),
    "binary": (
        b"ce_id: e-1\nce_source: /shop\nce_type: shop.order\nce_time: 2024-05-01T10:00:00Z\n"
        b"content-type: application/json\n\n" + _ROW,
        b"ce_id: e\nce_source: s\nce_type: t\ncontent-type: application/cloudevents+json\n\n{}",
    ),
    "debezium": (
        b'{"op":"u","before":{"status":"open"},"after":' + _ROW + b"," + _SOURCE + b',"ts_ms":1}',
        b'{"schema":{},"payload":{"op":"d","before":' + _ROW + b',"after":null,' + _SOURCE + b"}}",
        b'{"id":1}\0{"op":"r","after":' + _ROW + b"," + _SOURCE + b"}",
    ),
    "row": (_ROW, _ROW.replace(b'"2020-07-01T12:00:00Z"', b"1593604800000")),
    "csv": (_CSV, b"\xef\xbb\xbf" + _CSV),
    "jsonl": (_ROW + b"\n" + _ROW + b"\n[]\n",),
    "identifier": (b"Ada@X.example", b"+44 (0)20 7946-0000", b"'NULL'", b"17.0", b"0000-00"),
    "external": (
        b'[{"type":"crm_id","id":"C-1","collection":"users"},{"type":"card","id":17}]',
        b'{"crm_id":1,"work_email":"Ada@M\xc3\xbcnchen.example","crm":{"id":"x"},"phone":"020 1"}',
        b'{"kind":"whatsapp","value":"030 123456"}',
    ),
    "moment": (b"2026-01-01T00:00:00.123456789Z", b"2026-01-01", b"1593604800000", b"18000.5"),
    "planned": (b'{"size":1,"list":"birthday","at":"2026-01-01T00:00:00Z","code":"AB-1"}', b"{}"),
    "redriven": (
        _REDRIVEN + b"\n\n" + b'{"event":"x","userId":"u"}',
        _REDRIVEN.replace(b"null", b'"posthog"') + b'\n\n{"event":"$set","distinct_id":"u"}',
        b"\n\n{" + _EVENT + b',"data":' + _ROW + b"}",
    ),
    "packed_rows": (_CSV, _ROW + b"\n" + _ROW),
    "parquet": tuple(json.dumps(spec).encode() for spec in SPECS),
    "damaged_parquet": tuple(bytes([number]) + b"\x00\x40\x00\x07" * 2 for number in range(6)),
    "rule": RULES,
    "mended": MENDED,
    "between": BETWEEN,
    "plan": (
        json.dumps({"plan": PLAN, "properties": {"size": 1, "code": "AB-1"}}).encode(),
        b'{"plan":{"name":"p","events":{"Order Completed":{"mode":"quarantine","schema":{"anyOf":'
        b'[{"required":["a"]},{"not":{"type":"object"}}],"items":{"multipleOf":0.1}}}}}}',
    ),
    "mapping": tuple(
        json.dumps({"mapping": one, "row": json.loads(_ROW)}).encode() for one in MAPPINGS.values()
    ),
    "by_hand": (*CALLS, b'{"batch":[' + CALLS[0] + b'],"writeKey":"k"}'),
}

#: Bytes alone do not find whole names.
WORDS: Final = (
    "batch", "type", "track", "identify", "page", "screen", "group", "alias", "userId",
    "anonymousId", "messageId", "event", "properties", "traits", "context", "timestamp",
    "originalTimestamp", "sentAt", "previousId", "groupId", "total", "currency", "products",
    "price", "quantity", "severity", "complaint_id", "order_id", "email", "phone", "duration",
    "score", "kind", "nps", "url", "referrer", "campaign", "distinct_id", "$set", "$set_once",
    "$identify", "$create_alias", "$groupidentify", "$pageview", "uuid", "api_key", "sent_at",
    "Order Completed", "Order Refunded", "Product Viewed", "Product Added", "Call Completed",
    "Complaint Received", "Complaint Handled", "Survey Answered", "Wishlist Shared",
    "specversion", "source", "data", "data_base64", "shop.order", "shop.person", "op", "before",
    "after", "payload", "schema", "table", "orders", "public", "snapshot", "ts_ms", "lsn",
    "integrations", "previousKind", "channel", "library", "device", "revenue", "lines", "sku",
    "rule", "call", "options", "set", "rename", "drop", "cast", "replace", "path", "to", "value",
    "pattern", "by", "number", "integer", "text", "boolean", "time", "properties.products.*.sku",
    *TYPES, "order_no", "customer", "mail", "at", "amount", "due", "item", "compression", "snappy",
)  # fmt: skip
