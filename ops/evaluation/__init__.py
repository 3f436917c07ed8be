"""`edge eval`: how well a search finds what people judged, beside BM25 and vectors alone on the same data."""
