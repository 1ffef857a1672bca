"""Small templates that are rendered by jinja2 and by Tessera, to be compared."""

VARIABLES = {
    "s": "Hello World",
    "u": "Straße ÉCOLE ΑΣ e\u0301 🤷🏽‍♀️",
    "ws": " \t a  b \u3000\n",
    "n": 7,
    "z": -3,
    "big": 9007199254740993,
    "x": 2.5,
    "t": True,
    "no": None,
    "l": [3, 1, 2],
    "m": ["a", 1, 2.0, None, True, {"k": "v"}, "it's", 'q"'],
    "d": {"b": 1, "a": "x", "C": [1], "items": "shadowed", "é": None},
    "users": [
        {"name": "Bob", "age": 30, "address": {"city": "Oslo"}, "on": True},
        {"name": "alice", "age": 25, "address": {"city": "bern"}, "on": False},
        {"name": "Carol", "age": 30, "address": {}},
    ],
    "text": "one\ntwo\n\nthree",
    "html": "<a href='x'>&\"</a>",
}

_PRINTED = """
1 | 1.0 | -1.5e3 | 1e16 | 1e15 | 123456789012345680.0 | 1e-4 | 1e-5 | 0.1 + 0.2 | 1_000 | 0x1F | 0b101 | 0o17 | 1e300 * 10
true | none | [] | [1, 'a', none, true, 2.0] | (1,) | () | (1, 2) | {} | {'a': 1, 2: [none]} | m | d | u
'it\\'s' ~ "q" | 'a' 'b' | '\\x41\\u00e9\\n\\t\\101' | '\\é\\q' | "tab\\tx" | ['\\n', '\\x00', '\\u200b', '\\xa0', 'é', "'", '"', "'\\""]
7 // 2 | -7 // 2 | 7 // -2 | -7 % 3 | 7 % -3 | 7 / 2 | 6 / 3 | 2 ** 10 | 2 ** -1 | -2 ** 2 | 2 ** 3 ** 2 | 7.5 // 2 | -7.5 % 2 | 7.5 % -2 | -7.5 // 2 | 1 / 0 | 1 % 0 | 1.0 // 0
1 + 1.5 | 1 + true | 'a' + 'b' | 'a' * 3 | 3 * 'ab' | 'a' * -1 | [1] + [2] | [1] * 2 | (1,) + (2,) | 'a' + 1 | 1 + 'a' | [1] + (1,) | none + 1 | 1 - 'a' | -'a' | -true | +3 | --3
1 < 2 < 3 | 1 < 3 < 2 | 1 == 1.0 | 1 == true | 'a' < 'b' | 'a' < 1 | [1, 2] < [1, 3] | [1] == (1,) | none == false | none < 1 | 2 > 1 >= 1 | 'Z' < 'a' | big == 9007199254740992.0 | big > 9007199254740992.0 | {'a': 1} == {'a': 1.0}
1 in l | 9 not in l | 'ell' in s | 'a' in d | 'x' in d | 1 in 'abc' | '' in '' | none in [none] | 'a' in none | undefined_name in [1] | undefined_name in 'a' | 1 in undefined_name | 2 in range(3) | (1, 2) in [(1, 2)] | [1] in d
1 and 2 | 0 or 'x' | not 1 | not none | '' or none | 1 if true else 2 | 1 if false | (1 if false) is defined | 1 or 1 / 0 | 0 and 1 / 0 | not 1 == 2 | 1 if 0 else 2 if 0 else 3
n + 1 | n ~ x ~ no ~ t | undefined_name | undefined_name.x | undefined_name + 1 | undefined_name['a'] | undefined_name ~ 'a' | undefined_name == other_name | undefined_name() | undefined_name < 1 | [undefined_name] | -undefined_name
l[0] | l[-1] | l[9] | l['x'] | l[1.0] | l[true] | l[1:] | l[::-1] | l[:-1] | l[5:1:-1] | l[-2:] | l[::2] | l[1:1] | l[::0] | l[none:2] | l['a':] | l[-100:100] | l[2:0:-1] | l[:][0]
s[0] | s[-1] | s[1:5] | s[::-1] | s[99] | u[::-1] | u[-4] | u[22:] | s['upper']() | 'abc'[3] | ''[0] | d['a'] | d.a | d.items | d['items'] | d.nothing | d[1] | d[[1]] | n.x | n[0] | no.x | no['x'] | (1, 2)[1] | l.0 | users.0.name | users[0].address.city | users[2].address.city | users[2].address.city.x
s.upper() | s.lower() | s.title() | s.swapcase() | s.capitalize() | u.upper() | u.lower() | u.title() | u.capitalize() | 'they\\'re x-ray'.title() | 'ǆ'.title() | 'ŉa'.upper() | 'İ'.lower() | 'ΑΣ Σ.'.lower()
ws.strip() | ws.lstrip() ~ '|' | ws.rstrip() | 'xxaxx'.strip('x') | 'abcba'.lstrip('ab') | ws.split() | ws.split(' ') | 'a,b,c'.split(',', 1) | 'a,b,c'.rsplit(',', 1) | ' a b  c '.split(none, 1) | ' a b  c '.rsplit(none, 1) | 'aXXbXX'.split('XX') | ''.split() | ''.split(',') | 'a'.split('') | 'a b c'.split(maxsplit=1) | 'a-b'.split(sep='-') | text.splitlines() | 'a\\r\\nb\\x85c\\n'.splitlines(true) | 'a'.split(1)
s.startswith('He') | s.startswith(('x', 'H')) | s.endswith('ld') | s.startswith('W', 6) | s.endswith('o', 0, 5) | s.startswith(1) | s.find('o') | s.rfind('o') | s.find('zz') | s.index('zz') | s.find('o', 5) | s.find('o', -3) | s.count('o') | s.count('') | s.count('l', 4) | u.find('🤷') | s.rindex('l') | ''.find('') | 'abc'.find('', 3) | 'abc'.find('', 4) | 'aaa'.count('aa')
s.replace('o', '0') | s.replace('o', '0', 1) | 'abc'.replace('', '-') | 'abc'.replace('', '-', 2) | s.replace('l', '') | ''.replace('', 'x') | 'é'.replace('e', 'x') | 'e\u0301'.replace('e', 'x') | ', '.join(['a', 'b']) | ', '.join([1]) | '-'.join('abc') | ','.join(d) | 'a b'.partition(' ') | 'a.b.c'.rpartition('.') | 'ab'.partition('x') | 'ab'.rpartition('x')
'abc'.isalpha() | '١٢'.isdigit() | '12'.isdecimal() | '½'.isnumeric() | ''.isalpha() | 'a1'.isalnum() | ' \\t'.isspace() | 'aB'.islower() | 'AB1'.isupper() | '1'.isupper() | 'ab'.removeprefix('a') | 'ab'.removesuffix('b') | '7'.zfill(3) | '-7'.zfill(4) | 'a'.ljust(3) ~ '|' | 'a'.rjust(3, '.') | 'a'.rjust(3, 'xy') | 'x'.isascii() | 'a\\nb'.isprintable()
'{} {}'.format(1, 'a') | '{0} {1} {0}'.format('a', 2.0) | '{a}'.format(a=none) | '{} {0}'.format(1) | '{{}}'.format() | '{!r}'.format('x') | '{}'.format() | '{x}'.format() | '}'.format()
'%s and %d' % ('a', 7) | '%s' % 1.0 | '%5.2f|%-5s|%05d' % (3.14159, 'a', 42) | '%(k)s' % {'k': 'v'} | '%d' % 'a' | '%s %s' % ('a',) | '%s' % (1, 2) | '%%' % () | '%x %X %o' % (255, 255, 8) | '%e %g' % (12345.678, 0.00001) | '%+d % d' % (3, 3) | '%s' % l | '%r' % 'a' | '%c' % 65 | '%.3s' % 'abcdef' | '%d' % 3.99 | 'a' % 1 | '%s' % none
d.get('a') | d.get('zz') | d.get('zz', 5) | d.keys() | d.values() | {'a': 1}.items() | d.keys()|list | {'a': 1}.items()|list | {'a': 1, 'b': 2}.items()|first | d.copy() == d | d.pop('a') | d.pop is defined | l.append(4) | l.append is defined | l.sort() | l.count(1) | l.index(2) | l.index(99) | [1, 2, 1].index(1, 1) | (1, 2).count(2) | {}.update | d.get() | {1: 'a'}[true] | {1: 'a', 1.0: 'b'} | {(1, 2): 3}[(1, 2)] | {[1]: 2}
range(3) | range(3)|list | range(5, 0, -2)|list | range(2, 5)|last | range(0)|list | range(1, 2, 0) | range('a') | range(100001)|length | range(3)[1] | range(3)[-1] | range(10**30) | range(3)|length | range(3) == range(0, 3) | range(1.0)
dict(a=1, b=2) | dict([('a', 1)]) | dict({'x': 1}, y=2) | dict([1]) | namespace(a=1).a | namespace(a=1)['a'] | namespace().b | namespace({'q': 3}).q | joiner()() | cycler(1, 2).next() | cycler()
raise_exception('no ' ~ n) | raise_exception() | n() | s.nothing() | s.upper(1) | 'a'.strip(*['a']) | 'a,b'.split(**{'sep': ','}) | range(*[1, 3])|list | d.items()
""".strip()

_FILTERS = """
s|upper | s|lower | u|upper | 'foo bar-baz (qux) [a]'|title | "it's o'clock"|title | s|capitalize | 'x'|center(5) ~ '|' | 'ab'|center(5) ~ '|' | ws|trim | 'xax'|trim('x') | s|replace('o', '0') | s|replace('o', '0', 1) | n|replace('7', '8') | none|upper | undefined_name|upper | s|length | u|length | l|count | d|length | n|length | none|length | undefined_name|length
l|first | []|first | l|last | 'abc'|last | d|first | d|last | l|sum | [0.1]*3|sum | users|sum(attribute='age') | []|sum | ['a']|sum | l|min | l|max | ['b','A']|min | ['b','A']|min(true) | []|max | users|max(attribute='age') | l|join | l|join(', ') | users|join(', ', attribute='name') | m|join('-') | 'abc'|join('.') | none|join | undefined_name|join | d|join(',')
l|sort | l|sort(reverse=true) | ['b','A','c']|sort | ['b','A','c']|sort(case_sensitive=true) | users|sort(attribute='name')|map(attribute='name')|list | users|sort(attribute='age,name')|map(attribute='name')|list | users|sort(true, attribute='age')|map(attribute='name')|list | [1,'a']|sort | 'hello'|sort | {'b':1,'A':2}|dictsort | {'b':1,'A':2}|dictsort(true) | {'b':1,'a':2}|dictsort(false,'value') | {'b':1,'a':2}|dictsort(reverse=true) | l|dictsort | {'b':1}|dictsort(by='x')
[1,1,2,'a','A']|unique|list | ['a','A']|unique(true)|list | users|unique(attribute='age')|map(attribute='name')|list | [[1],[1]]|unique|list | l|reverse|list | 'abc'|reverse | d|reverse|list | range(3)|reverse|list | 5|reverse | 'abc'|list | d|list | none|list | 5|list
undefined_name|default('x') | none|default('x') | none|default('x', true) | ''|d('y', true) | 0|d(1, boolean=true) | undefined_name|d | s|d('x') | undefined_name|default(none) | users[2].on|default(true)
'42'|int | '4.7'|int | 'x'|int | 'x'|int(-1) | '0x1f'|int(base=16) | '1f'|int(0, 16) | ' 12 '|int | '1_0'|int | '__1'|int | 2.9|int | -2.9|int | none|int | true|int | '1e3'|int | '0b11'|int(0, 2) | '0b11'|int(0, 0) | '012'|int(7, 0) | [1]|int | undefined_name|int | '1.5'|float | 'x'|float | ' 1e3 '|float | '.5'|float | '5.'|float | '1_0.5'|float | none|float | 3|float | 'inf'|float | 'nan'|float | '-'|float | '1__0'|float
-3|abs | -2.5|abs | 'a'|abs | 2.5|round | 3.5|round | 2.675|round(2) | 1.005|round(2) | 42.55|round(1, 'floor') | 42.55|round(1, 'ceil') | 42|round | 'a'|round | 7|round(2) | 2.5|round(method='x') | -0.4|round | 1234.5|round|int | true|round
l|map('string')|list | l|map('float')|join(',') | users|map(attribute='name')|list | users|map(attribute='address.city')|list | users|map(attribute='address.city', default='?')|list | users|map(attribute='zz')|list | ['a','b']|map('upper')|list | ['a b']|map('replace', ' ', '_')|list | l|map('nope')|list | l|map|list | none|map('upper')|list | [[1,2],[3]]|map('first')|list | [[1,2],[3]]|map('sum')|list | users|map(attribute='name', x=1)|list | [[1,2]]|map(attribute=0)|list | [[1,2]]|map(attribute='1')|list
l|select('odd')|list | l|select|list | [0,1,'',none]|select|list | [0,1]|reject|list | l|select('gt', 1)|list | l|reject('eq', 1)|list | users|selectattr('on')|map(attribute='name')|list | users|selectattr('on','defined')|list|length | users|rejectattr('on')|map(attribute='name')|list | users|selectattr('age','equalto',30)|map(attribute='name')|list | users|selectattr('address.city','==','Oslo')|list|length | users|selectattr('zz.q')|list | users|selectattr('name','in',['Bob'])|list|length | users|selectattr|list | l|select('nope')|list | users|selectattr('on')|first|attr('x') | (l|select('odd')|list)[0] | (l|select('odd'))[0] | l|select('odd')|length | l|select('odd') is iterable | l|select('odd') is sequence
{'a':1}|items|list | undefined_name|items|list | l|items | {'a':1}|items|first | [1,2,3,4,5]|batch(2)|list | [1,2,3]|batch(2, 0)|list | [1,2,3,4,5]|slice(2)|list | [1,2,3]|slice(2, 'x')|list | l|batch|list
text|indent | text|indent(2, true) | text|indent(2, first=true, blank=true) | text|indent('>> ') | ''|indent | 'a\\n'|indent | n|indent | 'a b'|wordcount | 'it\\'s a_b c-d'|wordcount | '%s-%s'|format(1, 2) | '%(a)s'|format(a=1) | '%s'|format | 'a'|format(1) | 'long text to cut here'|truncate(10) | 'long text to cut here'|truncate(10, true) | 'long text'|truncate(6, false, '', 0) | 'short'|truncate(3) | 'abcdefghijklm'|truncate(5, true, '', 0)
html|e | html|escape|length | html|safe | html|string | 5|string|length | [html]|tojson | html|safe ~ '<' | (html|safe) == html | html|safe|tojson | 'a'|safe in 'abc' | 'a'|safe is string | ['a'|safe] | html|safe + '<' | '<\'' + html|safe | (html|safe) + ('&'|safe) | 'a'|safe + 1 | 1 + 'a'|safe | ('a'|safe + '<') is escaped | 'a'|safe + '"' + 'b' ~ '<'
d|tojson | m|tojson | m|tojson(indent=2) | {}|tojson(indent=2) | []|tojson | [[], {}]|tojson(indent=1) | u|tojson | u|tojson(ensure_ascii=true) | '\\x00\\x7f\\x1f"\\\\/'|tojson | 1.0|tojson | 1e16|tojson | 'nan'|float|tojson | undefined_name|tojson | d|tojson(sort_keys=true) | d|tojson(separators=(',', ':')) | {'b':1,'a':[1,{'x':2}]}|tojson(indent=4, sort_keys=true) | (1,2)|tojson | {1:2, none:3, true:4, 1.5:5}|tojson | {(1,2):3}|tojson | range(2)|tojson | l|map('int')|tojson | users|map(attribute='name')|list|tojson | d.keys()|tojson | d|tojson(indent='--') | d|tojson(2) | {1:1,'a':2}|tojson(sort_keys=true) | l|tojson(indent=0)
l|nope | s|upper|lower|title | s|upper() | s|upper(1) | (1 if true else 2|nope) | 'upper' is filter | 'nope' is filter | 'odd' is test | users|attr('nothing') is defined | -1|abs | 1|string ~ 2 | 'a,b'.split(',')|last | (1, 2)|list | l|last|string + 'x'
""".strip()

_TESTS = """
n is defined | undefined_name is defined | undefined_name is undefined | users[0].zz is defined | none is none | n is none | 1 is number | true is number | 1.0 is number | '1' is number | 1 is integer | true is integer | 1.0 is float | true is boolean | 1 is boolean | s is string | l is string | d is mapping | l is mapping | l is sequence | s is sequence | d is sequence | n is sequence | d.items() is sequence | d.keys() is iterable | l is iterable | n is iterable | s is iterable | none is iterable | undefined_name is iterable | range(3) is sequence
true is true | 1 is true | false is false | 0 is false | n is odd | n is even | -3 is odd | 2.0 is even | 'a' is odd | 9 is divisibleby 3 | 9 is divisibleby(2) | 1 is divisibleby 0 | 'abc' is lower | 'aBc' is lower | 'ABC' is upper | '1' is upper | n is eq 7 | n is equalto(7.0) | n is ne 7 | n is lt 8 | n is gt(8) | n is ge 7 | n is le 7 | n is greaterthan 3 | n is lessthan 3 | n is == 7 | 1 is in l | 9 is in(l) | 'a' is in 'abc' | none is sameas none | true is sameas 1 | range is callable | s is callable | undefined_name is callable | s.upper is callable
n is not none | n is not odd | not n is odd | n is odd and true | n is odd or 1/0 | 1 if n is odd else 2 | n is nope | n is odd(1) | n is divisibleby | n is not divisibleby 2 | n is string is true | html|safe is escaped | s is escaped | l[0] is odd | (n is odd) == true | [n is odd, n is even] | n is eq(n) | undefined_name is none | undefined_name is string | undefined_name is sequence | undefined_name is mapping | undefined_name is eq undefined_name | n is in undefined_name
""".strip()

_STATEMENTS = [
    "{% for i in l %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% for i in [] %}x{% else %}none{% endfor %}",
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }} {% endfor %}",
    "{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}",
    "{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }} {% endfor %}",
    "{% for i in l %}{{ loop.cycle() }}{% endfor %}",
    "{% for i in l if i > 1 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% endfor %}",
    "{% for i in l if i > 1 %}{{ i }}{{ loop.last }}{% else %}no{% endfor %}",
    "{% for i in l if i > 9 %}{{ i }}{% else %}no{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2} | items if v > 1 %}{{ k }}{{ loop.length }}{% endfor %}",
    "{% for a, b in [(1, 2), (3,)] %}{{ a }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a in 'héy' %}[{{ a }}]{% endfor %}",
    "{% for k in d %}{{ k }} {% endfor %}",
    "{% for i in none %}{% endfor %}",
    "{% for i in 5 %}{% endfor %}",
    "{% for i in undefined_name %}x{% else %}e{% endfor %}",
    "{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in l %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in l %}{% break %}{% else %}else{% endfor %}",
    "{% for i in l %}{% continue %}{% else %}else{% endfor %}",
    "{% for i in l %}{{ i }}{% break %}{% else %}else{% endfor %}",
    "{% break %}",
    "{% for i in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for i in [1, 2] %}{% for j in [1, 2] %}{{ loop.index }}{{ i }}{% if j == 1 %}{% continue %}{% endif %}.{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for i in [1, 2] %}{% set loop = 3 %}{% endfor %}",
    "{% for i in l %}{% set y = i %}{% endfor %}{{ y }}",
    "{% set y = 0 %}{% for i in l %}{{ y }}{% set y = i %}{{ y }}{% endfor %}{{ y }}",
    "{% for i in l %}{% if y is defined %}!{% endif %}{% set y = i %}{% endfor %}",
    "{% set ns = namespace(n=0) %}{% for i in l %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
    "{% set ns = namespace(n=0) %}{% for i in [1, 2, 3, 4] if ns.n < 3 %}{{ i }}{% set ns.n = ns.n + i %}{% endfor %}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}{{ ns.c }}",
    "{% set d.a = 1 %}",
    "{% set q.a = 1 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}{{ a }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set (a, b) = 'xy' %}{{ a }}{{ b }}",
    "{% set a %}x{{ n }}y{% endset %}{{ a }}{{ a | length }}",
    "{% set a | upper %}abc{% endset %}{{ a }}",
    "{% set a | replace('b', 'x') | trim %} abc {% endset %}[{{ a }}]",
    "{% set a = 1 %}{% set b %}{% set a = 2 %}{{ a }}{% endset %}{{ a }}{{ b }}",
    "{% if n %}a{% elif 1 / 0 %}b{% else %}c{% endif %}",
    "{% if not n %}a{% elif n == 7 %}b{% else %}c{% endif %}",
    "{% if 0 %}a{% elif '' %}b{% else %}c{% endif %}",
    "{% if 0 %}{{ 1 | nope }}{% endif %}ok",
    "{% if 1 %}{{ 1 | nope }}{% endif %}",
    "{{ 1 if 1 else 1 | nope }}",
    "{% if 1 %}{% set y = 2 %}{% endif %}{{ y }}",
    "{% if 0 %}{% set n = 2 %}{% endif %}{{ n }}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with %}{% set n = 1 %}{{ n }}{% endwith %}{{ n }}",
    "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter replace('a', 'b') | trim %} aa {% endfilter %}|",
    "{% macro f(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(b=5, a=4) }} {{ f() }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}",
    "{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, x=4) }}",
    "{% macro f() %}{{ n }}{% endmacro %}{% set n = 1 %}{{ f() }}",
    "{% macro f() %}[{{ n }}]{% endmacro %}{{ f() }}{% set n = 1 %}{{ f() }}",
    "{% macro f() %}[{{ n }}]{% endmacro %}{{ f() }}{% if 1 %}{% set n = 1 %}{% endif %}{{ f() }}",
    "{{ n }}{% macro f() %}[{{ n }}]{% endmacro %}{{ f() }}{% set n = 1 %}{{ f() }}",
    "{% for i in [1] %}{{ s }}{% endfor %}{% set s = 'x' %}{{ s }}",
    "{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}x{{ n }}{% endcall %}",
    "{% macro f() %}<{{ caller(1, 2) }}>{% endmacro %}{% call(a, b=3) f() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}",
    "{% macro f() %}{{ caller is defined }}{{ caller() if caller }}{% endmacro %}{{ f() }}",
    "{% macro f() %} x {% endmacro %}{{ f() | trim }}{{ f().strip() }}{{ f.name }}",
    "{% macro f(a) %}{% set a = 2 %}{{ a }}{% endmacro %}{% set a = 1 %}{{ f(a) }}{{ a }}",
    "{% for i in [1, 2] %}{% macro f() %}{{ i }}{{ loop.index }}{% endmacro %}{{ f() }}{% endfor %}",
    "{% generation %}a{{ n }}{% endgeneration %}",
    "{% print n, s %}",
    "{% raw %}{{ n }}{% x %}{% endraw %}",
    "  {%- raw -%}  {{ n }}  {%- endraw -%}  x",
    "{# comment {{ n }} #}a{#- b -#} c",
    "a {#- b #}\nc",
    "{{ '}}' }}{{ '%}' }}{{ {'a': {'b': 1}} }}",
    "  {% if 1 %}\n  a\n  {% endif %}\n  b",
    "  {%+ if 1 %}\n  a\n  {%- endif +%}\n  b",
    "a\n  {% if 1 -%}\n  b\n  {%- endif %}\n\n",
    "a {% if 1 %} b {% endif %} c\n\n",
    "{{ 1 }}\n{{ 2 }}\n",
    "  {{ 1 }}  \n\t{% set a = 1 %}\t\n x",
    "x\n  {# c #}\n  y {# d #} z\n",
    "{{- 1 -}}  \n  {{- 2 }}\r\n3\r4",
    "x  {{-1}} {{ 1-}}",
    "{% set x = 1 -%}\n\n   y {%- set z = 2 %}\nw",
    "{%if n%}a{%endif%}{{n}}{{-n-}}b",
    "{%- for i in l -%}\n {{ i }} \n{%- endfor -%}",
    "{{ n }",
    "{{ n",
    "{% if n %}",
    "{% endif %}",
    "{% if n %}{% endfor %}",
    "{% unknown %}",
    "{{ n n }}",
    "{{ }}",
    "{{ 1 + }}",
    "{{ (1 }}",
    "{{ [1, }}",
    "{{ [1,] }}{{ (1,) }}{{ {'a': 1,} }}",
    "{{ 'a }}",
    "{{ a! }}",
    "{{ 1.e }}",
    "{# x",
    "{% raw %}x",
    "{% for i in l recursive %}{{ i }}{% endfor %}{{ 1 / 0 }}",
    "{% for true in l %}{% endfor %}",
    "{% set 1 = 2 %}",
    "{% set none = 2 %}",
    "{% macro f(a=1, b) %}{% endmacro %}",
    "{{ f(a=1, 2) }}",
    "{% do l.append(1) %}",
    "{% else %}",
    "{% for i in l %}{{ i }}{% else %}{% else %}{% endfor %}",
    "{{ joiner }}{{ 1 / 0 }}",
    "{% set j = joiner('; ') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}",
    "{% set g = l | select('odd') %}{{ g | list }}{{ g | list }}{{ g | first }}",
    "{% set g = l | map('string') %}{{ '3' in g }}{{ g | list }}",
    "{% for a in l | reverse %}{{ a }}{{ loop.length }}{% endfor %}",
    "{% for a in l | map('int') %}{{ a }}{{ loop.index }}/{{ loop.length }}{{ loop.last }}{% endfor %}",
    "{{ range(2) | map('string') | join(',') }}{{ strftime_now is defined }}{{ strftime_now is callable }}",
    "{% set messages = l[1:] %}{{ messages }}{{ tools is defined }}",
    "{{ users | map(attribute='name') | map('lower') | select('ne', 'bob') | sort | join('+') }}",
    "{%- set ns = namespace(found=false) -%}{%- for m in users -%}{%- if m.on is defined and m.on -%}{%- set ns.found = true -%}{%- endif -%}{%- endfor -%}{{ ns.found }}",
    "{{ d['a'] }}{% for k in d.keys() | sort %}{{ k }}{% endfor %}",
    "{{ namespace(_a=1) }}",
    "{% set ns = namespace() %}{% set ns._a = 1 %}",
    "{{ ''.__class__.__mro__ }}{{ 1 / 0 }}",
    "{{ loop }}",
    "{% for i in l %}{{ loop.nothing }}{{ loop.index.x }}|{% endfor %}",
    "{{ 9223372036854775807 }}{{ -9223372036854775807 }}",
    "{{ 1 if n is defined and n > 3 else 2 }}{{ (n if n > 9) ~ '.' }}",
    "{%- set text = 'a' -%} {{- text ~ '\\n' }} {%- if true %} b{% endif %}",
    "{{ n is defined if n else 2 }}",
    "{{ {'a': 1}.a }}{{ [1, 2][1] }}{{ 'abc'.upper()[1:] }}{{ (1, 2) | last }}{{ 'a'.b.c is defined }}",
]


def _split(table):
    """Expressions between bars; a bar that begins a filter has a name right after it or belongs to one."""
    for line in table.splitlines():
        for part in line.split(" | "):
            yield part.strip()


def _expressions():
    for table in (_PRINTED, _FILTERS, _TESTS):
        for expression in _split(table):
            if expression:
                yield "{{ " + expression.replace("\\\\", "\\") + " }}"
    yield from _STATEMENTS


EXPRESSIONS = list(dict.fromkeys(_expressions()))
