"""Lines that need no subject to be understood: greetings, thanks, questions about the assistant itself."""

from __future__ import annotations

import re

_HELLO = (
    r"(?:hi|hello|hey|hiya|howdy|yo|greetings|hallo|hola|bonjour|ciao|salut|servus|moin|namaste|"
    r"(?:good )?(?:morning|afternoon|evening)|good day)"
)
_FINE = (
    r"(?:ok|okay|k|cool|great|nice|good|fine|sure|yes|yep|yeah|yup|no|nope|nah|all ?right|got it|i see|perfect|"
    r"awesome|wow|lol|haha|hmm+|never ?mind|sorry|understood|right|correct|exactly|very good|well done|good job|"
    r"interesting|then|so|please)"
)
_THANKS = r"(?:many |thousand )?(?:thanks|thank you|thank u|thx|ty|cheers|much appreciated|danke|merci|gracias)"
_KNOWS = r"(?:still |already |actually )?(?:know|remember|remembered|recall|stored?|saved?|learn(?:ed|t)?|kept?)"
_ABOUT_ME = r"(?:so far|about me|of me|from me|yet|already|in (?:your )?memory|for me|by now)"

_LINES: tuple[tuple[str, str], ...] = (
    ("greeting", rf"{_HELLO}(?:[ ,]+(?:{_HELLO}|there|lra|again|everyone|all|friend|you))*"),
    ("greeting", rf"(?:{_HELLO}[ ,.!]+)?(?:how are you(?: doing| today)*|how's it going|how do you do|sup)"),
    ("greeting", r"what'?s up|nice to meet you"),
    (
        "thanks",
        rf"(?:{_FINE}[ ,.!]+)?{_THANKS}(?:[ ,]+(?:so much|a lot|very much|again|you|lra|a million|for now|that's all|"
        rf"for (?:that|this|it|everything|(?:your|the) \w+)))*",
    ),
    (
        "bye",
        rf"(?:{_FINE}[ ,.!]+|{_THANKS}[ ,.!]+)?(?:bye|good ?bye|bye[ -]bye|see (?:you|ya)|cya|good ?night|take care|"
        r"farewell|that's all|quit|exit|tschüss|adios|au revoir)"
        r"(?:[ ,]+(?:for now|later|soon|then|lra|all|everyone|tomorrow|thanks|you|again))*",
    ),
    ("agreed", r"(?:yes[ ,]+)?(?:that's|that is|that was|you're|you are) (?:right|correct|true|it)"),
    ("agreed", rf"{_FINE}(?:[ ,]+{_FINE})*"),
    ("help", r"/?help(?: me)?(?: out)?|commands|usage|\?+|options|instructions|manual"),
    ("help", r"what (?:can|could|do) (?:you|i|we) (?:do|ask|say|help|type|offer)(?: (?:you|with|for me|here|about))*"),
    (
        "help",
        r"how (?:do|does|can|should) (?:i|we|you|this|it|lra) (?:use|work|talk to|work with)(?: (?:you|this|it|lra))*",
    ),
    (
        "help",
        r"what (?:commands|options|skills|tools) (?:do|can) you (?:have|know|use|offer)|why can'?t you .{1,40}",
    ),
    (
        "thanks",
        rf"(?:{_THANKS}[ ,.!]+)?you(?:'re| are) (?:so |very |really )?"
        r"(?:great|awesome|the best|helpful|nice|amazing|good|smart|cool)",
    ),
    (
        "help",
        r"what can(?:'t| ?not)? you (?:not )?do|"
        r"can you (?:search|browse|access|use) (?:on )?(?:the )?(?:web|internet|google)",
    ),
    (
        "help",
        r"can you (?:speak|understand) \w+|can you (?:draw|see|hear|think|learn|sing|code|program|translate)\b.{0,30}",
    ),
    ("help", r"how can you help(?: me)?|what (?:are|is) (?:you|this|lra) (?:for|able to do|good for|capable of)"),
    (
        "help",
        r"(?:how|where) (?:do|can|could|should|would) (?:i|we) (?:set|set up|setup|configure|use|add|connect|change|"
        r"switch|get|choose|pick|select|install|enable)\b.{0,40}"
        r"\b(?:models?|llm|api key|key|provider|ollama|openai|anthropic)\b.{0,60}",
    ),
    ("who", r"(?:and )?(?:who|what)(?: the hell)? are you(?: exactly| really| anyway)?|who made you|your name"),
    ("who", r"what(?:'s| is) your (?:purpose|job|model|version)"),
    ("who", r"who am i (?:talking|speaking|chatting) (?:to|with)|what(?:'s| is) (?:your name|lra)|who is this"),
    ("who", r"what(?:'s| is) (?:this|lra)(?: (?:thing|program|app|tool|place|here|exactly|about|for))*"),
    ("who", r"(?:which|what)(?: \w+)? (?:model|llm)\b.{0,40}|(?:tell me about|introduce|describe) yourself"),
    (
        "who",
        r"are you (?:an? |the )?(?:(?:real|actual|offline|online|local) )*(?:ai|a\.i\.|bot|chat ?bot|robot|human|"
        r"person|llm|(?:large )?language model|model|assistant|chatgpt|gpt\S{0,10}|claude|gemini|llama|machine|program|"
        r"alive|conscious|sentient|real|offline|online|intelligent|there)\b.{0,40}",
    ),
    (
        "why",
        r"(?:but )?(?:why|how come)(?: is that| so| not)?|how sure are you|"
        r"(?:are|were) you (?:really |quite )?(?:sure|certain)(?: (?:about|of) (?:that|it|this))*",
    ),
    ("why", r"(?:why|how come)(?: did| do)? you (?:say|think|answer|believe)(?:ed)?(?: that| this| so)?"),
    (
        "why",
        r"(?:how|where) (?:do|did) you (?:know|get|have|learn|find)(?: out)?(?: that| this| it)(?: from)?|says who",
    ),
    (
        "wrong",
        r"(?:no[ ,.!]+)?(?:that|this|you|it)(?:'s| is| was|'re| are)?(?: just| all| totally| completely)* "
        r"(?:wrong|incorrect|mistaken|false|outdated|(?:not|isn't|wasn't|aren't|no longer) (?:right|correct|true))"
        r"(?: any ?more| now)?|wrong|incorrect",
    ),
    (
        "undo",
        r"(?:please )?(?:undo|delete|remove|erase|unremember|take back|scratch) (?:that|this|it|the last one|"
        r"(?:that|the) last (?:memory|message|thing|turn)|what i (?:just )?said)(?: back| again| please)*|undo|"
        r"take (?:that|it|this) back",
    ),
    (
        "clock",
        r"what(?:'s| is|s)? (?:the )?(?:current )?(?:time|date|day)(?: is it| is today| today| now| right now|"
        r" of the week| and time)*|what(?:'s| is) today(?:'s date)?|what year is it(?: now)?",
    ),
    (
        "about_me",
        rf"(?:so )?(?:what|which)(?: all| else| things| facts)? (?:do|did|have|can) you {_KNOWS}(?: {_ABOUT_ME})*",
    ),
    (
        "about_me",
        r"what (?:should|must|do|did) i (?:want to |ask you to |tell you to |have to )?(?:remember|not forget)",
    ),
    ("about_me", rf"who am i|what (?:do|did|have) i (?:tell|told|teach|taught) you(?: {_ABOUT_ME})*"),
    ("about_me", r"(?:what can you )?tell me (?:everything |all |what |something )?(?:you know )?about (?:me|myself)"),
    (
        "about_me",
        rf"(?:list|show|tell|give)(?: me)? (?:everything|all)(?: that| things)? you {_KNOWS}(?: {_ABOUT_ME})*",
    ),
    (
        "about_me",
        r"how many (?:memories|facts|things) (?:do|have) you (?:have|know|remember|stored?|kept?|got)(?: about me)?",
    ),
    ("about_me", rf"(?:(?:tell|show|remind) me what|everything) you {_KNOWS}(?: {_ABOUT_ME})*"),
    ("about_me", r"do you (?:still )?(?:remember|know) (?:me|who i am|anything(?: about me)?|something about me)"),
    (
        "about_me",
        r"(?:list|show|display|print)(?: me)?(?: all)?(?: of)?(?: (?:my|your|the|stored))* memor(?:y|ies)(?: list)?|"
        rf"what(?:'s| is) in (?:your |my |the )?memory|what do you have (?:stored|in memory)(?: {_ABOUT_ME})*",
    ),
)
_PATTERNS = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _LINES)
_LONGEST = 160


def read_small_talk(line: str) -> str | None:
    """Return the kind of a line (`greeting`, `thanks`, `help`, …), or None when it is about something.

    Args:
        line: One line without its closing punctuation.
    """
    if len(line) > _LONGEST:
        return None
    return next((kind for kind, pattern in _PATTERNS if pattern.fullmatch(line)), None)
