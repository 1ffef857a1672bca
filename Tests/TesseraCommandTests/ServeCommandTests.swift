#if Server
  import TestSupport
  import Testing

  @Suite("serve")
  struct ServeCommandTests {
    /// Starts the command, waits until it listens, tries its port with a second one, asks it to end, and prints its status.
    private static let script = #"""
      log=$(mktemp)
      "$@" 2>"$log" & server=$!
      count=0
      while ! grep -q '^listening on ' "$log" && [ $count -lt 6000 ] && kill -0 $server; do
        sleep 0.1; count=$((count + 1))
      done
      url=$(sed -n 's/^listening on //p' "$log")
      "$@" --port "${url##*:}" --quiet && echo "two listen"
      kill -TERM $server
      wait $server
      echo "status $?"
      cat "$log" >&2
      rm "$log"
      """#

    @Test("says what it serves and where, refuses a port in use, and ends when asked to")
    func lifetime() throws {
      let run = try SyntheticModel.llama.withFile { path in
        try CommandRun(["serve", "-m", path, "--context", "64", "--port", "0"], shell: Self.script)
      }
      #expect(run.output == "status 0\n")
      for part in [
        "llama: llama, can complete texts", "memory: ", "device: ", "try: curl http://127.0.0.1:",
        "/v1/chat/completions",
        "another program",
      ] {
        #expect(run.errors.contains(part), "\(part)")
      }
      let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("listening on http://127.0.0.1:") }
      #expect(lines.count == 1)
    }

    @Test("several models have their parts of the host's memory, and the start prints them")
    func hostMemory() throws {
      let run = try SyntheticModel.llama.withFile { path in
        try SyntheticModel.gemma3.withFile { other in
          try CommandRun(
            [
              "serve", "-m", path, "-m", other, "--context", "64", "--port", "0", "--host-cache", "8", "--swap", "6",
            ], shell: Self.script)
        }
      }
      #expect(run.output == "status 0\n")
      let lines = run.errors.split(separator: "\n").filter { $0.contains("host memory: ") }
      #expect(lines.count == 2 && lines.allSatisfy { $0.contains("swap 3 MiB + host cache 4 MiB + ") }, "\(run.errors)")
    }

    @Test(
      "arguments that cannot be are refused before a model is loaded",
      arguments: [
        ["--port", "70000"], ["--parallel", "0"], ["--swap", "-1"], ["--max-body", "0"], ["--max-queue", "0"],
        ["--timeout", "0"],
        ["--api-key", ""], ["--alias", ""],
      ])
    func arguments(options: [String]) throws {
      let run = try CommandRun(["serve", "-m", "/nowhere.gguf"] + options)
      #expect(run.status == 64 && run.errors.contains(options[0]))
    }

    @Test("a variable for keys that has none does not let everybody in", arguments: ["", ",", " , \n"])
    func noKeys(keys: String) throws {
      let environment = ["TESSERA_API_KEYS": keys]
      let run = try CommandRun(["serve", "-m", "/nowhere.gguf"], environment: environment)
      #expect(run.status == 64 && run.errors.contains("TESSERA_API_KEYS is set and has no key"))
      let other = try CommandRun(["serve", "-m", "/nowhere.gguf", "--api-key", "k"], environment: environment)
      #expect(other.status != 64 && !other.errors.contains("TESSERA_API_KEYS"))
    }

    @Test("says that everybody can call, however quiet it is")
    func warning() throws {
      let run = try SyntheticModel.llama.withFile { path in
        try CommandRun(
          ["serve", "-m", path, "--context", "64", "--port", "0", "--host", "0.0.0.0", "--quiet"], shell: Self.script)
      }
      #expect(run.output == "status 0\n")
      #expect(run.errors.contains("everybody who reaches 0.0.0.0 can call: --api-key") && !run.errors.contains("try: "))
    }
  }
#endif
