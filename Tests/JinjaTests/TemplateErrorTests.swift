import Testing

@testable import Jinja

@Suite("Errors of templates")
struct TemplateErrorTests {
  private func error(_ source: String) -> TemplateError? {
    do throws(TemplateError) {
      let template = try Template(source: source)
      _ = try template.render(["messages": [["role": "user", "content": "hi"]]])
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "what is not interpreted is named, not ignored",
    arguments: [
      "{% block a %}{% endblock %}", "{% extends 'a' %}", "{% include 'a' %}", "{% import 'a' as b %}",
      "{% from 'a' import b %}", "{% autoescape true %}{% endautoescape %}",
      "{% for a in messages recursive %}{% endfor %}", "{% macro f(caller=1) %}{% endmacro %}", "{{ größe }}",
      "{{ '\\N{DASH}' }}", "{{ messages[1, 2] }}", "{{ messages | groupby('role') }}", "{{ 'a' | urlencode }}",
      "{{ 'a' | wordwrap }}", "{{ messages | random }}", "{{ messages | pprint }}", "{{ lipsum() }}",
      "{{ 'a'.encode() }}", "{{ 'a'.translate({}) }}", "{{ 1 .bit_length() }}", "{{ 'a'.__class__ }}",
      "{{ messages.__len__() }}", "{{ namespace() }}", "{{ messages | map('upper') }}", "{{ range }}",
      "{{ messages[0].get }}", "{{ '{:>3}'.format(1) }}", "{{ '{0.x}'.format(1) }}", "{{ '%*d' % (3, 1) }}",
      "{{ ('a' | safe) * 2 }}", "{{ ('a' | safe).upper() }}", "{{ range(3)[1:] }}", "{{ (-8) ** 0.5 }}",
      "{{ 'a' is sameas 'a' }}", "{{ strftime_now('%f') }}", "{{ 15 | round(-1) }}", "{{ '１' | int }}",
      "{% set n = namespace() %}{% for a in [1] %}{% set n.l = loop %}{% endfor %}{{ n.l.index }}",
    ])
  func refused(source: String) {
    #expect(error(source)?.code == .unsupported)
  }

  @Test("an error says on which line it is")
  func lines() {
    #expect(error("{# a\nb #}\n{{ 'x\ny' }}\n{{ nothing.x }}")?.line == 5)
    #expect(error("{% raw %}\n\n{% endraw %}{{ 1 / 0 }}")?.line == 3)
    #expect(error("a\r\nb\rc\n{% nonsense %}")?.line == 4)
    #expect(error("{% macro f() %}\n{{ 1 / 0 }}{% endmacro %}\n\n{{ f() }}")?.line == 2)
    #expect(error("{% if 1 %}\n\n{% for a in [] %}{% endfor %}")?.line == 3)
    #expect(error("{{ 1\n+\n[] }}")?.line == 1)
  }

  @Test("a template's own refusal is told apart and keeps its words")
  func raised() {
    let error = error("\n{{ raise_exception('roles must ' ~ 'alternate') }}")
    #expect(error == TemplateError(.raised, line: 2, "roles must alternate"))
    #expect(error?.description == "the template raises: roles must alternate (line 2)")
  }

  @Test("descriptions say what is wrong")
  func descriptions() {
    #expect(error("{{ x.y }}")?.description == "line 1: 'x' is undefined")
    #expect(error("{% include 'a' %}")?.description == "line 1: the tag 'include' is not supported")
    #expect(error("{{ 1 | nope }}")?.description == "line 1: there is no filter named 'nope'")
    #expect(error("{{ messages.role + 'x' }}")?.message == "a value of type list has no attribute 'role'")
    #expect(
      error("{% if 1 %}")?.description
        == "line 1: the template ends where {% elif %} or {% else %} or {% endif %} is expected")
  }
}
