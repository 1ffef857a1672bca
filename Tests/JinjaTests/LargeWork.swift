/// Templates that are cheap to write and would be dear to run or to read if only expressions were counted.
enum LargeWork {
  private static func looped(_ setting: String, _ body: String) -> String {
    "\(setting){% for i in range(100000) %}\(body){% endfor %}"
  }

  private static func names(_ count: Int, separator: String) -> String {
    (0..<count).map { "a\($0)" }.joined(separator: separator)
  }

  private static let search = "{% set s = 'a' * 1000000 %}{% set p = 'a' * 500000 ~ 'b' %}"
  private static let text = "{% set s = 'a' * 4000000 %}"
  private static let tuple = "{% set t = (1,) * 100000 %}"
  private static let dictionary = "{% set d = dict(range(20000) | map('string') | batch(2)) %}"

  static let sources = [
    looped(search, "{{ p in s }}"), looped(search, "{{ s.find(p) }}"), looped(search, "{{ s.rfind(p) }}"),
    looped(search, "{{ s.count(p) }}"), looped(search, "{{ s.replace(p, '') | length }}"),
    looped(search, "{{ s | replace(p, '') | length }}"), looped(search, "{{ s.split(p) | length }}"),
    looped(search, "{{ s.partition(p) | length }}"), looped(search, "{{ 'x'.find(p) }}"),
    looped(text, "{% for c in s %}{% break %}{% endfor %}"), looped(text, "{{ s is upper }}"),
    looped(text, "{{ s | center(1) | length }}"), looped(text, "{{ s | int }}"), looped(text, "{{ s | float }}"),
    looped(text, "{{ [][s] is defined }}"), looped(text, "{{ {}[s] is defined }}"), looped(text, "{{ {}.get(s) }}"),
    looped(text, "{{ 'x' | attr(s) is defined }}"), looped(text, "{{ s % 1 }}"), looped(text, "{{ 'x'.strip(s) }}"),
    looped(text, "{{ {} | map(attribute=s) | list }}"), looped(text, "{{ strftime_now(s) }}"),
    looped(tuple, "{{ {t: 1} | length }}"), looped(tuple, "{{ {}[t] is defined }}"), looped(tuple, "{{ t | sum }}"),
    looped(tuple, "{{ [t] | unique | list | length }}"),
    looped("\(tuple){% macro f() %}{{ varargs | length }}{% endmacro %}", "{{ f(*t) }}"),
    looped("{% set t = ('b',) * 100000 %}", "{{ 'a'.startswith(t) }}"),
    looped("{% set p = 'a.' * 10000 ~ 'a' %}", "{{ [{}] | map(attribute=p, default={}) | list }}"),
    looped(dictionary, "{% set x = dict(d, x=1) %}"), looped(dictionary, "{{ namespace(d) is defined }}"),
    looped("\(dictionary){% macro f() %}{{ kwargs | length }}{% endmacro %}", "{{ f(**d) }}"),
    looped("{% macro f(\(names(20_000, separator: ", "))) %}{% endmacro %}", "{{ f() }}"),
    "{% set n = namespace(t=(1, 1)) %}{% for i in range(60) %}{% set n.t = (n.t, n.t) %}{% endfor %}{{ {n.t: 1} }}",
    looped("", "{% continue %}{% set \(names(20_000, separator: " = 1 %}{% set ")) = 1 %}"),
    "{{ \(String(repeating: "a", count: 300)) }}",
  ]

  private static func lines(_ count: Int, _ line: (Int) -> String) -> String { (0..<count).map(line).joined() }

  static let longSources = [
    lines(20_000) { "{%if x%}{%set b\($0)=1%}{%endif%}" },
    lines(20_000) { "{%set b\($0)=1%}{%for x in y%}{%endfor%}" },
    lines(20_000) { "{%set b\($0)=1%}{%macro m()%}{%endmacro%}" },
    "{% macro f(\(names(100_000, separator: ","))) %}{% endmacro %}",
  ]
}
