"""A function's pages: metrics, its OpenAPI document, and a Swagger page that needs no network."""

import html
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files

from litestar import get
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from core.errors import NotFound
from core.function import Function
from core.http.openapi import document
from core.observe import metrics

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{base}/assets/swagger-ui.css">
<link rel="icon" href="{base}/assets/favicon-32x32.png">
</head>
<body>
<div id="page" data-document="{base}/openapi.json"></div>
<script src="{base}/assets/swagger-ui-bundle.js"></script>
<script src="{base}/assets/start.js"></script>
</body>
</html>
"""
# A file of its own, so that the page works under a Content-Security-Policy without inline scripts.
_START = """const page = document.getElementById("page");
SwaggerUIBundle({ url: page.dataset.document, domNode: page, deepLinking: true, validatorUrl: null });
"""


def pages(
    function: Function, handlers: Sequence[HTTPRouteHandler], render_metrics: Callable[[], bytes]
) -> list[HTTPRouteHandler]:
    """The handlers of `/metrics/NAME` and `/docs/NAME…`; none of them is part of the document."""
    base = f"/docs/{function.name}"
    described = lru_cache(1)(lambda: document(function, handlers))

    @get(base, include_in_schema=False)
    async def show_page() -> ASGIResponse:
        text = _PAGE.format(title=html.escape(f"{function.name}: {function.summary}"), base=base)
        return ASGIResponse(body=text.encode(), media_type=MediaType.HTML)

    @get(f"{base}/openapi.json", include_in_schema=False)
    async def show_document() -> ASGIResponse:
        return ASGIResponse(body=described(), media_type=MediaType.JSON)

    @get(f"{base}/assets/{{name:str}}", include_in_schema=False)
    async def show_asset(name: FromPath[str]) -> ASGIResponse:
        body, media_type = _asset(name)
        return ASGIResponse(body=body, media_type=media_type, headers={"cache-control": "public, max-age=86400"})

    @get(f"/metrics/{function.name}", include_in_schema=False)
    async def show_metrics() -> ASGIResponse:
        return ASGIResponse(body=render_metrics(), headers={"content-type": metrics.MEDIA_TYPE})

    return [show_page, show_document, show_asset, show_metrics]


def _asset(name: str) -> tuple[bytes, str]:
    if name == "start.js":
        return _START.encode(), "text/javascript"
    if name not in _ASSETS:
        raise NotFound("there is nothing at this path")
    return _asset_bytes(name), _ASSETS[name]


def _asset_bytes(name: str) -> bytes:
    # Read each time: the page is opened by a developer now and then, a worker should not keep a megabyte for it.
    vendor = files("swagger_ui_bundle") / "vendor"
    (version,) = vendor.iterdir()
    return (version / name).read_bytes()
