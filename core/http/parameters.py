"""Parameters of queries that several functions share; beside `core.http.fields`, which need no framework."""

from typing import Annotated

from litestar.params import QueryParameter

from core.http.cursor import CURSOR

ShopIdParameter = Annotated[int, QueryParameter(name="shopId", ge=1, le=2**31 - 1, description="The shop")]
CursorParameter = Annotated[
    str | None, QueryParameter(description="`nextCursor` of the page before", schema_extra={"pattern": CURSOR})
]
