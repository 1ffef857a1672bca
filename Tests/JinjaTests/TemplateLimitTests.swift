import TestSupport
import Testing

@testable import Jinja

@Suite("Templates that are not trusted")
struct TemplateLimitTests {
  private func code(_ source: String, limits: TemplateLimits = .standard) -> TemplateError.Code? {
    do throws(TemplateError) {
      let template = try Template(source: source, limits: limits)
      _ = try template.render(["messages": [["role": "user", "content": "hi"]]])
      return nil
    } catch {
      return error.code
    }
  }

  private func repeated(_ text: String, _ count: Int = 5_000) -> String { String(repeating: text, count: count) }

  @Test("nesting in the source is bounded")
  func nesting() {
    let sources = [
      "{{ \(repeated("("))1\(repeated(")")) }}", "{{ \(repeated("["))1\(repeated("]")) }}",
      "{{ \(repeated("{1:"))1\(repeated("}")) }}", "{{ \(repeated("not "))1 }}", "{{ \(repeated("- "))1 }}",
      "{{ 1\(repeated(" + 1")) }}", "{{ 1\(repeated(" and 1")) }}", "{{ 1\(repeated(" if 1 else 1")) }}",
      "{{ a\(repeated(".a")) }}", "{{ a\(repeated("[0]")) }}", "{{ a\(repeated("()")) }}",
      "{{ a\(repeated("|list")) }}",
      "{{ f(\(repeated("f("))1\(repeated(")"))) }}", "{{ 1 is in \(repeated("[1 is in "))x\(repeated("]")) }}",
      "{{ x\(repeated("[x[1:"))1\(repeated("]]")) }}", "{{ 1 ** \(repeated("2 ** "))1 }}",
      "{% set \(repeated("("))a\(repeated(")")) = 1 %}",
      repeated("{% if 1 %}") + repeated("{% endif %}"), repeated("{% for a in [1] %}") + repeated("{% endfor %}"),
      repeated("{% macro a() %}") + repeated("{% endmacro %}"), repeated("{% set x %}") + repeated("{% endset %}"),
      "{% for \(repeated("(a,"))b\(repeated(")")) in x %}{% endfor %}",
    ]
    for source in sources { #expect(code(source) == .limit, "\(source.prefix(40))") }
  }

  @Test("long templates without nesting are no trouble")
  func long() {
    let sources = [
      "{{ 1\(repeated(" ~ 1")) }}", "{{ [1\(repeated(", 1"))] }}", repeated("{{ 1 }}"),
      repeated("{% if 1 %}a{% endif %}"),
      "{% if 0 %}\(repeated("{% elif 0 %}")){% endif %}", "{{ 1\(repeated(" < 2 > 1")) }}",
      "{{ 'a'\(repeated(" 'a'")) }}", repeated("{# a #}\n"), repeated("{% raw %}x{% endraw %}"),
    ]
    for source in sources { #expect(code(source) == nil, "\(source.prefix(40))") }
  }

  @Test(
    "work, memory and recursion are bounded",
    arguments: [
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% set n = namespace(s='a') %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}",
      "{% set n = namespace(s='a') %}{% for i in range(100) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for i in range(1000) %}{% set n.s = [n.s] %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for i in range(1000) %}{% set n.s = {'a': n.s} %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for i in range(1000) %}{% set n.s = n.s | map('string') %}{% endfor %}",
      "{% set n = namespace(s=1) %}{% for i in range(1000) %}{% set n.s = (n.s, cycler(n.s)) %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for i in range(1000) %}{% set n.s = [n.s.copy] %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
      "{% macro f(x) %}{% for i in [1] if f(x) %}{% endfor %}{% endmacro %}{{ f(1) }}",
      "{{ 'a' * 1000000000000000000 }}", "{{ 9223372036854775807 * 'ab' }}", "{{ [1] * 100000000000 }}",
      "{{ [[1] * 1000000] * 1000000 }}", "{{ 'a'.ljust(1000000000) }}", "{{ 'a'.zfill(9223372036854775807) }}",
      "{{ '%99999999999999999999d' % 1 }}", "{{ '%.99999f' % 1.5 }}", "{{ 'a' | center(999999999) }}",
      "{{ 'a' | indent(9223372036854775807, true) }}", "{{ [1] | tojson(indent=9223372036854775807) }}",
      "{{ [[[1]]] | tojson(indent=10000000) }}", "{{ range(9223372036854775807) }}",
      "{{ range(-9223372036854775807, 9223372036854775807) }}", "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
      "{{ ('a' * 100000).replace('', 'b' * 100000) }}", "{{ ('b' * 100000).join('a' * 100000) }}",
      "{{ [1] | batch(9223372036854775807, 0) | list }}", "{{ [1] | slice(9223372036854775807) | list }}",
      "{% for i in range(100000) %}{{ 'a' * 1000 }}{% endfor %}", "{{ range(100000) | list * 100 }}",
    ])
  func runaway(source: String) {
    var limits = TemplateLimits()
    limits.steps = 500_000
    #expect(code(source, limits: limits) == .limit)
  }

  @Test("work on large values is counted", arguments: LargeWork.sources)
  func large(source: String) {
    var limits = TemplateLimits()
    limits.steps = 500_000
    let start = processorTime()
    #expect(code(source, limits: limits) == .limit)
    // Work that is not counted takes minutes or hours; the limit leaves room for debug builds.
    #expect(processorTime() - start < .seconds(60))
  }

  @Test("long templates are read in time that grows with their length", arguments: LargeWork.longSources)
  func reading(source: String) throws {
    let start = processorTime()
    _ = try Template(source: source)
    #expect(processorTime() - start < .seconds(60))
  }

  @Test("the standard limit on steps is reached within seconds")
  func standardSteps() {
    #expect(code("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}") == .limit)
  }

  @Test(
    "numbers at the edge are errors or exact, never traps",
    arguments: [
      ("{{ 9223372036854775807 + 1 }}", TemplateError.Code.operation), ("{{ -9223372036854775807 - 2 }}", .operation),
      ("{{ 9223372036854775807 * 2 }}", .operation), ("{{ (-9223372036854775807 - 1) // -1 }}", .operation),
      ("{{ -(-9223372036854775807 - 1) }}", .operation), ("{{ (-9223372036854775807 - 1) | abs }}", .operation),
      ("{{ 10 ** 19 }}", .operation), ("{{ 10.0 ** 400 }}", .operation), ("{{ 1e300 | int }}", .operation),
      ("{{ '99999999999999999999' | int }}", .operation), ("{{ 9223372036854775808 }}", .syntax),
      ("{{ 2 ** 64 }}", .operation), ("{{ 1 // 0 }}", .operation), ("{{ 1 % 0 }}", .operation),
      ("{{ 0.0 ** -1 }}", .operation), ("{{ '%d' % 1e300 }}", .operation), ("{{ '%c' % -1 }}", .operation),
    ])
  func overflow(source: String, expected: TemplateError.Code) {
    #expect(code(source) == expected)
  }

  @Test(
    "extreme positions, steps and counts are no traps",
    arguments: [
      "{{ [1, 2][9223372036854775807] }}", "{{ [1, 2][-9223372036854775807 - 1] }}", "{{ 'ab'[9223372036854775807] }}",
      "{{ 'ab'[-9223372036854775807 - 1] }}", "{{ [1, 2][::9223372036854775807] }}",
      "{{ [1, 2][::-9223372036854775807 - 1] }}", "{{ 'ab'[-9223372036854775807 - 1:9223372036854775807] }}",
      "{{ 'abc'.find('b', -9223372036854775807 - 1, 9223372036854775807) }}",
      "{{ 'a b c'.split(' ', 9223372036854775807) }}", "{{ 'aaa'.replace('a', 'b', 9223372036854775807) }}",
      "{{ (-9223372036854775807 - 1) % -1 }}", "{{ range(-9223372036854775807 - 1, -9223372036854775807) | list }}",
      "{{ range(1, 0, -9223372036854775807 - 1) | list }}", "{{ 1.5 | round(300) }}", "{{ '' | indent(-5) }}",
      "{{ 'abc' | truncate(3, leeway=9223372036854775807) }}", "{{ 'a'.ljust(-9223372036854775807 - 1) }}",
      "{{ 0 ** 0 }}{{ (-1) ** 9223372036854775807 }}{{ 1 ** 9223372036854775807 }}",
    ])
  func extremes(source: String) {
    #expect(code(source) == nil)
  }

  @Test("values that hold each other are let go when rendering ends")
  func cycles() throws {
    let source = """
      {% set n = namespace() %}{% set n.self = n %}{% macro f() %}{% endmacro %}{% set n.f = f %}{% set g = f %}\
      {% for i in [1, 2] %}{% set n.loop = loop %}{% set x = loop.changed([n, loop]) %}{% endfor %}done
      """
    func render() throws -> () -> ValueList? {
      let marker = ValueList([.int(1)])
      let syntax = try Parser.parse(source + "{% set n.marker = marker %}")
      #expect(try Interpreter(syntax, limits: .standard, now: nil).render(["marker": .list(marker)]) == "done")
      return { [weak marker] in marker }
    }
    #expect(try render()() == nil)
  }

  @Test("a template over the size limit is refused")
  func sourceSize() {
    #expect(code(repeated("a", TemplateLimits.standard.sourceBytes + 1)) == .limit)
  }

  @Test("the deepest expressions and calls that are allowed do not end the stack")
  func deepest() {
    let inner = repeated("[", 90) + "1" + repeated("]", 90)
    #expect(code("{{ \(inner) | tojson | length }}") == nil)
    #expect(code("{{ \(inner) | string | length }}") == nil)
    #expect(code("{{ \(inner) == \(inner) }}") == nil)
    let recursive = "{% macro f(x) %}{{ (((1 + (f(x - 1) | length)) if x else 0)) }}{% endmacro %}"
    #expect(code("\(recursive){{ f(20) }}") == nil)
    #expect(code("\(recursive){{ f(1000) }}") == .limit)
    #expect(code("{% macro f(x) %}{{ [x] | map('string') | list ~ f(x) }}{% endmacro %}{{ f(1) }}") == .limit)
  }
}
