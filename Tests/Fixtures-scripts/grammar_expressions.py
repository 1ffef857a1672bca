"""The regular expressions and the grammars of make_grammar_fixtures.py."""

EXPRESSIONS = [
    "", "a", "abc", "a|b|", "a*", "a+b?", "(ab)*c", "(?:a|bc){2,3}", "[a-c]{2,4}x?", r"\d+", r"[^a-z]", r"\w\W\s\S\D",
    r"[\d\-_]+", r"-?(0|[1-9]\d{0,3})(\.\d+)?", r"(a|ab)(c|bcd)d*", r"(a?){3}b", r"(a*)*", r"(a+)+b", r"(a|aa){2,5}",
    r"(|a){3,}", r"((a{1,2}){2,3}){2}", r"[a\]b]", r"[\]a-]+", "é+", "[à-ü]{2}", "[^é]", "日本|本日", ".", ".*x", "..", r"\.",
    r"\x41\u0042\u{43}", r"(?P<year>\d{4})-(?<month>\d{2})", "^abc$", "^(a|b)$", "^a|b$", "(^a|b)c", "a{0}", "a{3}",
    "a{2,}", "a{x", "a*?b+?", r"\(\)\[\]\{\}\*\+\?\|\^\$\\", "[.*+]", r"\t\n\r\f\v", "[😀-😂]x", "x{10,200}",
    r"(?:[a-f0-9]{2}:){5}[a-f0-9]{2}", "(?:(?:(?:a)))", "[ -~]{1,3}", r"\Aab\Z",
]

REFUSED_EXPRESSIONS = [
    ("(", "malformed"), (")", "malformed"), ("[", "malformed"), ("*a", "malformed"), ("a**", "malformed"),
    ("a{3,2}", "malformed"), ("[z-a]", "malformed"), ("\\", "malformed"), ("^*", "malformed"), (r"\x4", "malformed"),
    (r"\ud800", "malformed"), ("(?<n", "malformed"), (r"(a)\1", "unsupported"), ("(?=a)b", "unsupported"),
    ("a(?!b)", "unsupported"), ("(?<=a)b", "unsupported"), ("(?<!a)b", "unsupported"), (r"\ba", "unsupported"),
    ("(?i)a", "unsupported"), ("(?>a)", "unsupported"), ("a*+", "unsupported"), ("a^b", "unsupported"),
    ("(a$)*", "unsupported"), (r"\q", "unsupported"), ("[]a]", "unsupported"), ("a{,3}", "unsupported"),
    (r"\p{Nonsense}", "unsupported"), ("a{1000001}", "tooComplex"), ("(" * 200 + ")" * 200, "tooComplex"),
    ("[^\\s\\S]", "unsatisfiable"),
]

GRAMMARS = [
    ('root ::= "a" root | "b"', "ab"),
    ('root ::= "yes" | "no" | "maybe"?', "yesnomab"),
    ('root ::= [a-c]{2} [^a-c]+', "abcd"),
    ('root ::= (item ","?)*\nitem ::= [0-9]+ # a number\n', "01,"),
    ('root ::= expr\nexpr ::= term ([-+*/] term)*\nterm ::= num | "(" expr ")"\nnum ::= [0-9]+', "12+-()"),
    ('root ::=\n  "x" |\n  "y" "z"\n', "xyz"),
    ('root ::= "\\x41" "\\u00e9" [\\t\\n\\\\"] .', 'Aé\t"'),
    ('root ::= ("a" | "b" "c"){2,3}', "abc"),
    ('root ::= "ab"{3} c*\nc ::= "c"', "abc"),
    ('root ::= "a"{2,} "b"{0,1}', "ab"),
    ('root ::= [日本é-ü]+', "日本éa"),
    ('root ::= a b?\na ::= "" | "a" a\nb ::= "b" b | "c"', "abc"),
    ('root ::= [a\\]-]+', "a]-"),
    ('root ::= object\nobject ::= "{" ws (pair ("," ws pair)*)? "}"\npair ::= "\\"" [a-z]+ "\\"" ws ":" ws value\n'
     'value ::= object | [0-9]+\nws ::= " "?', '{}":a1 ,'),
    ('root ::= "(" root ")" root | ""', "()"),
    ('root ::= ("a"? "b"?)* "c"', "abc"),
    ('root ::= list\nlist ::= "x" | "x" "," list', "x,"),
]

REFUSED_GRAMMARS = [
    ("", "malformed"), ('roo ::= "a"', "malformed"), ("root ::= a", "malformed"), ('root ::= "a', "malformed"),
    ("root ::= [a", "malformed"), ('root ::= ("a"', "malformed"), ("root = \"a\"", "malformed"),
    ('root ::= root "a" | "b"', "unsupported"), ('root ::= a\na ::= b "x"\nb ::= a | "y"', "unsupported"),
    ('root ::= b? root "a" | "c"\nb ::= "b"', "unsupported"), ('root ::= "a" root', "unsatisfiable"),
    ("root ::= *", "malformed"), ('root ::= "\\q"', "malformed"), ('root ::= "a"{', "malformed"),
    ('root ::= "a"{3,2}', "malformed"), ("root ::= <think>", "unsupported"), ('root ::= "a"\nroot ::= "b"', "malformed"),
    ('root ::= "a"{9999999}', "tooComplex"), ("root ::= " + "(" * 300, "tooComplex"), ('root ::= "\\ud800"', "malformed"),
]
