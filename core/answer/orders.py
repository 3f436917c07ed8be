"""Orders to whoever answers, planted where only facts belong: in a shop's passages, or in place of a question."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import takewhile

_FLAGS = re.IGNORECASE
# Who is no human being, and who may be one: a shop has assistants who cut hair.
_MACHINE = (
    r"(?:(?:ai|virtual|digital|automated|online|web|website|booking|support) (?:assistant|agent|model|helper)|"
    r"chat-?\s?bots?|bots?|chatgpt|gpt(?:-?\d\w*)?|a\.?i\.?(?= |,|:|!|$|-)|llms?|(?:large )?language models?)"
)
_ANSWERER = rf"(?:{_MACHINE}|assistants?)"
_ASKER = (
    r"(?:(?:an?|any|the|every|each|some|another) |our |all )?(?:\w+ )?(?:visitor|user|customer|client|guest|caller|"
    r"patient|shopper|member|person|human|people)s?|(?:some|any|every)(?:body|one)|whoever|people|they"
)
_THIRD = (
    r"(?:(?:an?|any|the|every|each|all)(?: (?:the|of the|our))? (?:\w+ )?)?(?:visitor|user|customer|client|guest|"
    r"caller|"
    r"patient|shopper)s?\b|(?:every|any)(?:body|one)\b|whoever\b"
)
_ASKS = (
    r"(?:asks?|asked|asking|enquires?|inquires?|wants?|would like|needs?|wonders?|quer(?:y|ies)|questions?|mentions?|"
    r"requests?|says?|complains?|insists?|doubts?|brings? up)"
)
_REPLY = r"(?:answers?|repl(?:y|ies)|responses?)"
_SPEAK = r"(?:say|answer|reply|respond|claim|state|pretend|insist|assert)"
_TELL = r"(?:tell|inform|assure|convince|advise|persuade|notify|instruct)"
_SERVE = (
    r"(?:give|grant|offer|quote|send|direct|refer|redirect|recommend|promise|deny|refuse|confirm|explain|mention|"
    r"apply|"
    r"provide|use|write|output|print|act|link|point|admit|let)"
)
_MUST = (
    r"(?:must|shall|should|ha(?:s|ve) to|is to|are to|needs? to|ought to|may only|can only|will now|"
    r"(?:is|are) (?:required|instructed|obliged|told|ordered|supposed|programmed) to)"
)
_RULES = (
    r"(?:instructions?|rules?|prompts?|guidelines?|directives?|commands?|programming|training|restrictions|"
    r"safeguards|"
    r"context|guardrails)"
)
# What may stand before the verb of an order in its clause. "We", or any other subject, makes a statement of it.
_BEFORE_VERB = (
    r"(?:(?:please|kindly|then|and|or|but|so|also|now|always|never|only|just|simply|instead|first|do|not|don't|"
    r"you|must|should|shall|will|have|need|are|to|immediately|politely|remember|be sure|make sure) )*"
)
_CLAUSE = rf"(?:^\W?|[^\w\s'] ?){_BEFORE_VERB}"
_OBEYING = r"(?:forget|ignore|disregard|override|drop|stop|be|behave|act|listen)\b[^.,;:!?]{0,60}\band\s+"
_VERB_PLACE = rf"(?:{_CLAUSE}|{_CLAUSE}{_OBEYING})"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), _FLAGS)


# Whoever says this, a visitor or a passage, wants other rules.
_OVERRIDES = _any(
    rf"(?<!not )\b(?:ignore|disregard|forget|override|bypass|skip|discard)\b(?: \w+){{0,3}}? (?:your|all|any|"
    rf"previous|prior|"
    rf"above|earlier|preceding|foregoing|former|system|these|those|other|my|given)\b(?: \w+){{0,3}}? ?{_RULES}\b",
    rf"(?<!not )\b(?:ignore|disregard|forget|override|bypass) (?:your|all|any|previous|prior|these)\b(?: \w+)? "
    rf"?{_RULES}\b",
    rf"(?<!not )\b(?:ignore|disregard|forget|override) (?:the |all )?{_RULES}\b.{{0,20}} (?:above|before|earlier|"
    rf"given|given above)\b",
    r"(?<!not )\b(?:ignore|disregard|forget) (?:everything|all|anything|what(?:ever)?|the text)\b(?: \w+){0,4}? "
    r"(?:above|before this|previous|previously|told|instructed|earlier)\b",
    r"(?<!not )\b(?:ignore|disregard)\b(?: \w+){0,3} (?:passages?|documents?|context|sources?|knowledge base)\b",
    r"\b(?:overrides?|replaces?|supersedes?|cancels?) (?:all (?:other|previous|prior|of your)|your|the system)\b(?: "
    r"\w+)? ?"
    r"(?:instructions?|prompts?|rules|directives?|guidelines)\b",
    rf"\byou(?:'re| are)(?: now| no longer)?(?: an?| the| our| my)?(?: \w+)? (?:{_ANSWERER}|dan)\b",
    rf"\bif you(?:'re| are)(?: an?| the)? {_ANSWERER}\b",
    rf"\bas (?:an?|the|our) {_MACHINE},? (?:you|please)\b",
    rf"\bas (?:an?|the|our) {_ANSWERER}\b[^,.]{{0,30}},? you (?:\w+ )?(?:{_SPEAK}|{_TELL})\b",
    rf"\bfrom now on,? (?:you (?:are|will|must|shall|should|only|always|never|can only)\b.{{0,20}}\b)?(?:{_SPEAK}|"
    rf"{_TELL}|act)\b",
    rf"{_CLAUSE}(?:pretend|role-?play|impersonate)\b(?! play)",
    rf"{_CLAUSE}(?:act|behave|speak|respond|answer) as (?:if|though|an?|the)\b",
    r"\brepeat after me\b|^\W?(?:say|repeat|print|write|output)\s*[:'\"\u201c]",
    r"\b(?:reveal|leak|print|output|repeat|show|tell)\b.{0,30}\b(?:(?:system|hidden|initial|secret) "
    r"(?:prompt|instructions?|message)|your (?:instructions|rules|prompt)|api key)",
    rf"{_CLAUSE}reveal\b.{{0,30}}\b(?:prompt|key|password|secret)",
    r"^\W?(?:user|assistant|developer|(?-i:SYSTEM|system))\s?:|\b(?:system|developer) (?:prompt|mode)\b",
)
_ROW = re.compile(r"([^\w\s])(?:\s?[^\w\s'])+")
# None of these words, and nothing else need be looked at: most sentences have none.
_HINTS = re.compile(
    rf"\b(?:{_ANSWERER}|{_SPEAK}|{_TELL}|{_REPLY}|{_RULES}|ignore|disregard|forget|override|pretend|role-?play|"
    rf"impersonate|act|"
    r"behave|speak|you are|you're|from now on|repeat|print|output|write|reveal|leak|system|developer|user|orders|dan|"
    rf"model|let|ask|{_ASKS}|mention|admit|disclose)\b",
    _FLAGS,
)
# Marks of the templates in which models are told who speaks.
_MARKS = _any(
    r"<\|\w|\[/?inst\]|</?(?:system|assistant|instructions?)>|<<sys>>",
    r"[\[(<#{]\s?(?:system|assistant|instructions?|prompt)\b[^\])>}]{0,20}[\])>}:]",
)
# A visitor's message holds a question, so that less than in a passage is needed to see that it is none.
_FOR_A_QUESTION = _any(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rules?|above|previous|prior|prompts?|"
    r"everything)\b",
    r"\b(?:always|only|never) (?:say|answer|reply|respond|tell)\b",
    r"\b(?:tell|inform) (?:the |every |all )?(?:user|visitor|customer)s?\b",
    r"\b(?:system|developer)\s*(?:prompt|message|:)|\bact as\b|\bpretend\b|\breveal\b.{0,30}\b(?:prompt|key|"
    r"password|secret)",
)
# A passage speaks to those who read it. Where it speaks to what answers them, or of them to somebody, it gives orders.
_ADDRESSED = _any(
    # By a label or by name: a note to the chatbot, a system message, "Dear assistant", "Refunds: bot, ..."
    rf"\b(?:notes?|notices?|messages?|memos?|instructions?|reminders?|rules?|prompts?|guidance|hints?|directives?|"
    rf"commands?|"
    rf"attention|word|requests?|info|information|updates?)\W{{0,3}}(?:to|for)(?: the| our| your| all| any| every| "
    rf"an?)?"
    rf"(?: \w+)? {_ANSWERER}\b",
    rf"\b(?:attention|to|for)(?: the| our| your| all| any| every)?(?: \w+)? {_ANSWERER}(?: \w+)"
    rf"{{0,2}}\s*[:\u2014\u2013]",
    r"^\W?(?:(?:important|new|urgent|updated|hidden|secret|confidential|internal|official|priority)\W+)*"
    rf"(?:system|developer|assistant|operator|jailbreak|prompt|{_MACHINE})(?:'s)?[\s_-]+"
    r"(?:notes?|messages?|prompts?|instructions?|rules?|commands?|directives?|overrides?|policy|reminders?|"
    r"guidelines?)\b"
    r"\s*(?:[:;,.!\u2014\u2013\])-]|$)",
    r"^\W?(?:new|updated|additional|further|hidden|secret) (?:instructions?|directives?|orders)\b.{0,20}:",
    rf"^\W?(?:instructions?|orders?|rules?|task|prompt)\s*:\s*{_BEFORE_VERB}(?:{_SPEAK}|{_TELL})\b",
    rf"(?:^|[.;:!?] ?){_ANSWERER}\s*[,:!]|[,\u2014\u2013(]\s*{_MACHINE}\s*[,:!]|@{_ANSWERER}\b",
    rf"\b(?:dear|hey|hi|hello|listen|attention|ok|okay|hear me|thank you|thanks)\W{{1,2}}(?:the |our |my |all |"
    rf"there,? )?"
    rf"{_ANSWERER}\b",
    # "The chatbot must answer that ..."
    rf"\b(?:{_MACHINE}|(?:the|this|our|your|every) (?:\w+ )?assistant)\b[^.!?]{{0,40}}?\b{_MUST}\b (?:\w+ ){{0,3}}?"
    rf"(?:{_SPEAK}|{_TELL}|{_SERVE})\b",
    rf"\b(?:the|this|any|every) model {_MUST} (?:\w+ ){{0,2}}?{_SPEAK}\b",
    rf"\b{_MACHINE} (?:\w+ )?(?:says|answers|replies|responds|claims|tells \w+)\b that\b",
    rf"\b{_MACHINE}\b[^.!?]{{0,20}}\b(?:read(?:ing|s)?|process(?:ing)?|summari[sz]ing|pars(?:ing|es)) (?:this|these|"
    rf"the following)\b",
    rf"\b(?:{_ASKER}) (?:who (?:\w+ )?)?{_ASKS}\b[^.!?]{{0,200}}?\b{_MUST} be (?:told|informed|answered|sent|"
    rf"referred|directed)\b",
    # "When a visitor asks about it, reply that ..."; "Reply to anyone who asks that ..."
    rf"\b(?:when(?:ever)?|if|once|in case|should|any ?time|each time|every time|as soon as) (?:{_ASKER}) (?:\w+ )"
    rf"?{_ASKS}\b"
    rf"(?:[^.!?]{{0,200}}?[,:;\u2014\u2013-]\s*{_BEFORE_VERB}|[^.!?,:;]{{0,80}}? (?:then|please|always|just|simply|"
    rf"only|do not|never) )"
    rf"(?:{_SPEAK}|{_TELL}|{_SERVE})\b(?! us\b| me\b| our\b)",
    rf"\b(?:when(?:ever)?|if) (?:{_ASKER}) (?:\w+ )?{_ASKS}\b(?:(?!\b(?:we|our|us|i|you|he|she|it)\b)[^.!?])"
    rf"{{0,120}}? "
    rf"(?:{_SPEAK}|{_TELL} (?:them\b|{_THIRD}))\b",
    rf"\b(?:when(?:ever)?|if) (?:you(?:'re| are) )?asked about\b[^.!?]{{0,200}}?\b(?:{_SPEAK}|{_TELL})\b(?! us\b)",
    r"\b(?:when(?:ever)?|if) you (?:get|receive|see|are given) (?:an?|any) (?:\w+ )?(?:question|request|enquiry|"
    r"message)\b"
    rf"[^.!?]{{0,200}}?\b(?:{_SPEAK}|{_TELL})\b(?! us\b)",
    rf"{_VERB_PLACE}(?:{_SPEAK}|{_TELL}|{_SERVE})\b[^.!?]{{0,60}}?\b(?:who(?:ever)?|when(?:ever)?|if)(?: "
    rf"(?:{_ASKER}))? (?:asks?|"
    r"asking|enquires?|inquires?|wants? to know)\b(?! us\b| me\b| for you\b)",
    # "Tell every customer that ...", "Never answer ...", "Reply that ..."
    rf"{_VERB_PLACE}{_TELL} (?:{_THIRD})",
    rf"{_VERB_PLACE}let (?:{_THIRD}) know\b|{_VERB_PLACE}ask (?:{_THIRD}) (?:for|to|whether|if they)\b",
    rf"{_CLAUSE}(?:make sure|ensure|see)(?: that)? (?:{_THIRD}) (?:hears?|knows?|understands?|believes?|thinks?|"
    rf"gets?)\b",
    rf"{_VERB_PLACE}(?:say|reply|respond|answer|explain|claim) to (?:{_THIRD})",
    rf"{_CLAUSE}(?:reply|respond|answer)(?: only| always)? that\b(?! you\b| your\b)|{_CLAUSE}(?:reply|respond|"
    rf"answer) only with\b",
    rf"{_CLAUSE}(?:answer|reply|respond)(?: to)? (?:all|every|any|each) (?:\w+ )?(?:questions?|messages?|visitors?)"
    rf"\b[^.!?]*\bwith\b",
    rf"{_CLAUSE}(?:answer|reply|respond)(?: to)? (?:all|every|any) questions? about\b",
    r"(?:^|[.;:!?] ?)say (?:the|our|all|every) (?:\w+ )?\w+ (?:is|are|costs?)\b",
    r"(?:^|[.,;:!?] ?)(?:also|always|never|only|instead|you (?:must|should|shall|will)(?: always| never| only)?)\s+"
    r"(?:say|answer|reply|respond|claim)(?: that\b(?! you\b| your\b)| only\b| in \w+\b|:| \"| \u201c| yes\b| "
    r"no\b(?! to))",
    r"\b(?:do not|don't|never) (?:mention|say|admit|reveal|disclose) that (?:we|our|the|there|it)\b(?! did)",
    # "End every reply with ...", "Your answer must contain ..."
    rf"{_CLAUSE}(?:begin|start|end|finish|close|include|add|append|insert|put|mention|sign|write|give)"
    rf"\b[^.!?]{{0,60}}?\b"
    rf"(?:every|each|all)(?: of)?(?: your| the)? (?:\w+ )?{_REPLY}\b|{_CLAUSE}(?:begin|start|end|finish|close) your "
    rf"{_REPLY}\b",
    rf"(?:^|[.,;:!?] ?)(?:in|with|after|before|to) (?:every|each|all)(?: of)?(?: your| the)? (?:\w+ )?{_REPLY},? "
    rf"{_BEFORE_VERB}(?:{_SPEAK}|{_SERVE}|add|include|begin|end|put)\b",
    rf"\byour (?:\w+ )?{_REPLY} (?:must|should|has to|have to|shall|will) (?:\w+ )?(?:contain|begin|start|end|"
    rf"mention|never|always)\b",
    rf"\byour (?:\w+ )?{_REPLY} to (?:any|every|each|all) [^.!?]{{0,60}}?(?: is\b| are\b|:)",
)  # fmt: skip


@lru_cache(maxsize=4096)  # a shop's passages are few, and come with each of its questions
def is_order(sentence: str) -> bool:
    """Whether a sentence of a passage speaks to what answers, and not to who asks."""
    if _MARKS.search(sentence) is not None:
        return True
    read = _read(sentence)
    return _HINTS.search(read) is not None and any(pattern.search(read) for pattern in (_OVERRIDES, _ADDRESSED))


def is_instruction(message: str) -> bool:
    """Whether a visitor's message gives an order in place of a question; whom it addresses is the visitor's choice."""
    read = _read(message)
    return _MARKS.search(message) is not None or any(pattern.search(read) for pattern in (_OVERRIDES, _FOR_A_QUESTION))


def before_orders(parts: Iterable[str]) -> Iterator[str]:
    """The sentences of a passage before the first order: what follows one belongs to it."""
    return takewhile(lambda part: not is_order(part), parts)


def _read(text: str) -> str:
    """The text with single blanks and single marks: of rows of marks the patterns would try each beginning."""
    return _ROW.sub(r"\1", " ".join(text.replace("\u2019", "'").split()))
