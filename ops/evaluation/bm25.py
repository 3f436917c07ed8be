"""BM25 by bm25s as it comes: Lucene's form, English stop words, Snowball's stemmer; statistics of each tenant alone."""

from collections.abc import Mapping, Sequence

import bm25s
import numpy as np
import Stemmer

from ops.evaluation.folder import Document
from ops.evaluation.measures import Ranking


class Bm25:
    """An index a tenant, made when it is first asked."""

    def __init__(self, documents: Mapping[str | None, Sequence[Document]]) -> None:
        self._documents = documents
        self._indexes: dict[str | None, bm25s.BM25 | None] = {}
        self._stemmer = Stemmer.Stemmer("english")

    def search(self, text: str, tenant: str | None, limit: int) -> Ranking:
        """The best documents of a tenant that share a word with the text."""
        if tenant not in self._indexes:
            self._indexes[tenant] = self._index(self._documents[tenant])
        index = self._indexes[tenant]
        (words,) = self._words([text])
        known = [word for word in words if index is not None and word in index.vocab_dict]
        if index is None or not known:
            return Ranking((), None)
        scores = index.get_scores(known)
        best = np.argsort(-scores, kind="stable")[:limit]
        found = [int(place) for place in best if scores[place] > 0]
        documents = self._documents[tenant]
        return Ranking(tuple(documents[place].id for place in found), float(scores[found[0]]) if found else None)

    def _index(self, documents: Sequence[Document]) -> bm25s.BM25 | None:
        words = self._words([document.content for document in documents])
        if not any(words):
            return None
        index = bm25s.BM25()
        index.index(words, show_progress=False)
        return index

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        found = bm25s.tokenize(
            list(texts), stopwords="en", stemmer=self._stemmer, return_ids=False, show_progress=False
        )
        return [list(words) for words in found]
