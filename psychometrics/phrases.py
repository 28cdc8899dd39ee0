"""The phrases by which a reply's words become an answer, a denial, a list or a refusal: English first, others in part.

Every pattern is applied to a window of bounded length or passes over the reply once, so that reading stays linear.
"""

from __future__ import annotations

import re

_NOUNS = (
    "answer|response|choice|rating|selection|score|reply|option|number|letter|label|pick|result|verdict|value|"
    "antwort|wahl|nummer|réponse|choix|respuesta|opción|elección|risposta"
)
_FILLERS = (
    "to|for|the|this|that|statement|item|question|would|will|be|is|was|number|option|letter|of|i|choose|chose|give|"
    "here|best|my|your|own|it|me|myself|with|as|at|a|an|on|about|around|probably|likely|just|still|ist|lautet|est|es|"
    "sería|serait|wäre|describes?|fits|suits|that"
)
_VERBS = (
    "say|choose|chose|choosing|pick|picked|select|selected|rate|rated|give|go|going|answer|respond|reply|assign|mark|"
    "circle|opt|settle|lean|leaning|guess|think|put|closer|closest|wähle|sage|nehme|choisis|dirais|elijo|escojo|diría"
)
CUE = re.compile(
    rf"(?:(?:\b|_)(?:{_NOUNS})\b|\b(?:{_VERBS})\b)(?:[^\w?.!]{{1,4}}(?:{_FILLERS}|towards?)\b){{0,8}}(?:[^\w?.!]|\.{{3}}){{0,8}}$"
    r"|\b(?:so|therefore|thus|hence)\b[^\w?.!]{0,4}$"
    r"|(?:答案|答え|回答|选项|選択肢?|选择|選擇|選ぶ|我选|我會選|选|评分)(?:是|为|為|は|了|会|應該|应该)?[^\w?]{0,4}$",
    re.IGNORECASE,
)
FINAL = re.compile(
    rf"(?:\bfinal[ _](?:{_NOUNS})\b(?:[^\w?]{{1,4}}(?:{_FILLERS})\b){{0,4}}|\\boxed)[^\w?.!]{{0,8}}$", re.IGNORECASE
)
GRADE = re.compile(r"\ba\s(?:(?:solid|firm|clear|strong)\s)?[*\"'(]{0,3}$", re.IGNORECASE)
NAMER = re.compile(r"\b(?:option|letter|choice|answer)[\s:*\"'(]{1,6}$", re.IGNORECASE)
PREDICATE = re.compile(
    r"\b(?:is|am|was|be|been|i'm|it's|feel|i|i'd|i would|i do|i would also|tend to|as|describes me|fits me|to me|of me)"
    r"[\s*\"'_:]{1,4}$|(?:我|私は|是)[^\w?.!]{0,3}$",
    re.IGNORECASE,
)
FRESH = re.compile(r"(?:^|[\n.!?;:,(\[{\"'*`|_>]|\s-\s|(?:^|\n)-\s?)[\s*\"'_(\[`#]*$")
LINE_START = re.compile(r"(?:^|\n)[\s*\"'_(\[`#>]*$")
ENCLOSED = re.compile(r"(?:\*\*|[\"'`([{])$")
ENCLOSING = re.compile(r"\*\*|[\"'`)\]}]")
CLOSED = re.compile(
    r"[^\S\n]*(?:$|\n|[^\w\s%°+$€£-]|-\s|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|"
    r"(?:because|since|as|for|on|in|with|which|and|or|to|but|so|if|here|overall|if|though|although|given|based|"
    r"is|would|seems?|fits?|best|describes?|meaning|out|over|rather|than|not|weil|denn|car|parce|porque)\b)",
    re.IGNORECASE,
)
ENDED = re.compile(r"\s*(?:$|\n|[^\w\s%°+-]|-\s|(?:because|since|as|for|and|or|but|which|is)\b)", re.IGNORECASE)
ENUMERATOR = re.compile(r"[ \t]*[*_]*[.)=][*_]*[ \t]*(?!(?:because|since|as|for)\b)\w", re.IGNORECASE)
ASKED = re.compile(r"[^.!?\n]*\?")

CLAUSE_END = re.compile(
    r"(?<!not)(?<!never)[,;]|[.!?\n]|\s-\s|\b(?:but|so|because|however|though|although|yet|then|therefore|thus|hence|"
    r"aber|sondern|mais|pero|sino)\b|[但而]|所以",
    re.IGNORECASE,
)
NEGATOR = re.compile(
    r"\b(?:not|never|no(?! doubt)|none|neither|nor|cannot|without(?! (?:a |any )?doubt)|avoid|against|excluding|"
    r"nicht|keine?[nrms]?|ni|pas|jamais|nunca)\b|n't\b|不(?![错過过])|没|沒|非(?!常)",
    re.IGNORECASE,
)
PASSED_OVER = re.compile(
    r"\b(?:than|over|instead of|unlike|except|above|below)\W{0,3}(?:(?:an?|the|option)\W{1,3})?$", re.IGNORECASE
)
SET_ASIDE = re.compile(r"\b(?:not|never),[^.!?;\n]*$", re.IGNORECASE)  # "I would not, on the whole, say 4"
DENIED_AFTER = re.compile(
    r"[\s*\"'_)]{0,4}(?:(?:is|are|was|would|does|do|will|can|could)(?:n't|\s+not|\s+never|not)\b"
    r"|\s+(?:is|would be|seems|feels|sounds) too\b|ist nicht|n'est pas"
    r"|,?\s+(?:or|and|oder|ou|o)\s+(?:lower|higher|less|more|fewer|below|above|under|over|so|weniger|mehr|moins|plus)\b"
    r"|no es\b|ではな|じゃな)",
    re.IGNORECASE,
)
REVISED = re.compile(
    r"\b(?:actually|wait|correction|on second thoughts?|scratch that|instead|hmm|changed? my)\b", re.IGNORECASE
)
ALTERNATIVE = re.compile(
    r"[^\w.;!?\n]*(?:\b(?:or|and|to|through|until|versus|vs|of|oder|und|bis|ou|et|à|o|y)\b|[或和到至かと~/&,-]|から)"
    r"(?:\s+(?:maybe|possibly|perhaps|even|option|a|an))*[^\w.;!?\n]*",
    re.IGNORECASE,
)
RANGE = re.compile(
    r"\s*(?:\([^()\n]{0,60}\))?\s*(?:-|~|\.{2,3}|\bto\b|\bthrough\b|\band\b|\bbis\b|\bà\b|\ba\b|到|至|から)\s*",
    re.IGNORECASE,
)
BETWEEN = re.compile(r"(?:\bbetween|\bentre|\bzwischen)\s*$", re.IGNORECASE)
OUT_OF = re.compile(r"\s?/\s?|\s+(?:out\s+)?of\s+(?:a\s+possible\s+)?|\s+von\s+|\s+sur\s+", re.IGNORECASE)
PUNCTUATION = re.compile(r"[^\w]{1,8}")
DEFINES = re.compile(r"\W{0,3}(?:means?|being|is|indicat\w+|represent\w*|stands? for|refers? to)\W{1,3}", re.IGNORECASE)
LEGEND = re.compile(r"\b(?:scale|where|ranging|ranges|range)\b[^.!?\n]*$", re.IGNORECASE)
OPEN_TAIL = re.compile(r"[\s*_]*(?:[-/~]|(?:,\s*)?\b(?:or|and|to|through|but|not|oder|ou|bis)\b)\s*", re.IGNORECASE)

REFUSES = re.compile(
    r"(?:\b(?:can(?:no|')t|can not|unable to|not able to|won't|will not|decline to|refuse to|must decline|"
    r"not comfortable|don't feel comfortable|not appropriate for me to|not possible for me to)\b[^.!?\n]{0,60}?"
    r"\b(?:answer|respond|rate|rating|choose|select|pick|provide|complet|participat|assist|help(?! but)|comply|"
    r"fulfil|do that|do this|evaluat|assess|engage))"
    r"|\b(?:nicht|keine) (?:beantworten|bewerten|antworten|auskunft)|ne (?:peux|puis) pas (?:y )?(?:répondre|évaluer)"
    r"|no puedo (?:responder|contestar|evaluar)"
    r"|(?:无法|不能|無法)(?:回答|评价|评分|選|选)|(?:お答え|回答)(?:は)?できません",
    re.IGNORECASE,
)
HEDGES = re.compile(
    r"\bas an? (?:\w{1,20}\s){0,3}?(?:ai|artificial|language model|assistant|chatbot|llm)\b[^.!?\n]{0,120}?"
    r"(?:n't\b|\b(?:not|cannot|no|lack|unable|without|never)\b)"
    r"|\b(?:do not|don't|lack|no)\s(?:actually\s|really\s)?(?:have\s|possess\s|experience\s)?(?:\w{1,20}\s){0,3}?"
    r"(?:feelings|emotions|personality|opinions?|preferences|experiences|beliefs|consciousness|self-awareness|traits)\b"
    r"|\b(?:i'm|i am) (?:just |only |merely )?an? (?:\w{1,20}\s){0,2}?(?:ai|language model)\b[^.!?\n]{0,120}?"
    r"(?:n't\b|\b(?:not|cannot|no|lack|unable|without)\b)"
    r"|\bsorry\b|\bapologi[sz]e\b|\bagainst my (?:guidelines|programming|policy)"
    r"|\bals (?:eine? )?(?:ki|sprachmodell|künstliche)\b|\btut mir leid\b"
    r"|\ben tant qu(?:'|e )(?:une? )?(?:ia|intelligence|modèle|assistant)\b|\bdésolée?\b"
    r"|\bcomo (?:una? )?(?:ia|modelo|inteligencia|asistente)\b|\blo siento\b"
    r"|作为(?:一个|一名|一款)?(?:ai|人工智能|语言模型|大?型?语言模型)|抱歉|对不起|對不起"
    r"|(?:ai|人工知能|言語モデル)(?:アシスタント)?(?:として|なので|であり|ですので)|申し訳",
    re.IGNORECASE,
)
