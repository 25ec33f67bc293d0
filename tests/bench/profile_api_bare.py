"""The bare loop beside the profile API: Starlette and uvicorn answer what one GET of Redis says.

python -m tests.bench.profile_api_bare PORT REDIS
"""

from __future__ import annotations

import sys

import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: Before an id in Redis: the JSON that the API would answer.
KEY = b"bare:"


def main(port: int, url: str) -> None:
    client = redis.asyncio.Redis.from_url(url, protocol=2)

    async def profile(request: Request) -> Response:
        found = await client.get(KEY + request.path_params["profile_id"].encode())
        return Response(found or b"", media_type="application/json")

    app = Starlette(routes=[Route("/v1/profiles/{profile_id}", profile)])
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
