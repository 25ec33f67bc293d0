"""A typed client of the profile API: `from services.client import Client, AsyncClient`.

It lives beside the services and imports none of them: what both sides know stands in schemas/.
"""

from services.client.aio import AsyncClient as AsyncClient
from services.client.failures import ApiError as ApiError
from services.client.failures import NotFound as NotFound
from services.client.sync import Client as Client
