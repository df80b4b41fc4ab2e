import ArgumentParser
import CLI
import Common
import Config

/// `completions`: a script by which a shell completes commands and options, or the names that it asks for then.
struct Completions: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the completion script of a shell, or the names of stages or portals.",
    discussion: ToolExit.table, shouldDisplay: false)

  enum What: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish, stages, portals }

  @Option(help: "The script bin/conveyor, which lists the commands.")
  var script: String

  @Argument(help: "bash, zsh, fish, stages or portals.")
  var what: What

  func run() throws {
    let programs = Driver.programs()
    func names(_ variable: String) -> String {
      SearchPath(programs.environment[variable] ?? "").names.filter { $0 != "common" }
        .map { "\($0)\n" }.joined()
    }
    func completion() throws -> CompletionScript {
      CompletionScript(try CommandPage.all(programs, script: script))
    }
    let answer =
      switch what {
      case .stages: names("CONVEYOR_STAGES_DIR")
      case .portals: names("CONVEYOR_PORTALS_DIR")
      case .bash: try completion().bash
      case .zsh: try completion().zsh
      case .fish: try completion().fish
      }
    try Console.answer(answer)
  }
}

/// What a shell needs to complete `conveyor …`. Pure.
struct CompletionScript {
  /// A command or a tool's subcommand, by the words that lead to it: `fetch limiter`.
  struct Place {
    let words: String
    let abstract: String
    let options: [(spelling: String, takesValue: Bool, text: String)]
    let values: [String: [String]]
    /// The words that may follow.
    let subcommands: [(name: String, abstract: String)]
  }

  let places: [Place]
  /// The commands, each with what it does.
  let commands: [(name: String, abstract: String)]

  init(_ pages: [CommandPage]) {
    commands = pages.map { ($0.name, $0.abstract) }
    func place(_ page: CommandPage) -> Place {
      Place(
        words: page.name, abstract: page.abstract, options: page.options, values: page.values,
        subcommands: page.subcommands.map { command in
          (String(command.name.split(separator: " ").last ?? ""), command.abstract)
        } + page.words.map { ($0, "") })
    }
    places = pages.flatMap { page in [place(page)] + page.subcommands.map(place) }
  }

  /// Options whose values are names that only the machine knows.
  private static let named = ["--stage": "stages", "--portal": "portals"]

  private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }

  /// The first sentence of a text, for a list.
  private static func brief(_ text: String) -> String {
    let sentence = text.firstRange(of: ". ").map { text[..<$0.lowerBound] } ?? text[...]
    return String(sentence.hasSuffix(".") ? sentence.dropLast() : sentence)
  }
}

extension CompletionScript {
  /// The branches of a `case` over a command and its option, for options whose values are known: what a shell does
  /// where the machine has to be asked for their names, and where there are only some.
  private func valueCases(
    asking: (String) -> String, listing: ([String]) -> String
  ) -> String {
    let named = Self.named.sorted { $0.key < $1.key }.map { option, kind in
      "    *' \(option)') \(asking(kind)) ;;\n"
    }
    let listed = places.flatMap { place in
      place.values.sorted { $0.key < $1.key }.map { option, words in
        "    \(Self.quoted("\(place.words) \(option)"))) \(listing(words)) ;;\n"
      }
    }
    return (named + listed).joined()
  }

  /// For bash: a function that looks the words up; a value that is not known is a file.
  var bash: String {
    func list(_ words: [String]) -> String { Self.quoted(words.joined(separator: " ")) }
    let cases = places.map { place in
      let flags = place.options.filter { !$0.takesValue }.map(\.spelling)
      let valued = place.options.filter(\.takesValue).map(\.spelling)
      return "    \(Self.quoted(place.words))) subcommands=\(list(place.subcommands.map(\.name))) "
        + "flags=\(list(flags)) valued=\(list(valued)) ;;\n"
    }
    func choice(of words: String) -> String { "COMPREPLY=($(compgen -W \(words) -- \"$word\"))" }
    let values = valueCases(
      asking: { choice(of: "\"$(conveyor completions \($0) 2>/dev/null)\"") },
      listing: { choice(of: list($0)) })
    return """
      # bash completion for conveyor. Made by `conveyor completions bash`.
      _conveyor() {
        local word=${COMP_WORDS[COMP_CWORD]} before='' place='' subcommands='' flags='' valued='' index=1
        COMPREPLY=()
        if [[ ${COMP_WORDS[1]:-} == --config ]]; then index=3; fi
        if ((COMP_CWORD == 2 && index == 3)); then
          COMPREPLY=($(compgen -f -- "$word"))
          return
        fi
        if ((COMP_CWORD == index)); then
          COMPREPLY=($(compgen -W \(list(commands.map(\.name) + ["--config", "--version", "--help"])) -- "$word"))
          return
        fi
        place=${COMP_WORDS[index]}
        if [[ $place == help ]]; then
          COMPREPLY=($(compgen -W \(list(commands.map(\.name))) -- "$word"))
          return
        fi
        _conveyor_place "$place"
        if ((COMP_CWORD > index + 1)) && _conveyor_place "$place ${COMP_WORDS[index + 1]}"; then
          place+=" ${COMP_WORDS[index + 1]}"
          index=$((index + 1))
        fi
        before=${COMP_WORDS[COMP_CWORD - 1]}
        if [[ " $valued " == *" $before "* ]]; then
          _conveyor_value "$place $before" "$word"
        elif [[ $word == -* ]]; then
          COMPREPLY=($(compgen -W "$flags $valued --help" -- "$word"))
        elif [[ -n $subcommands ]] && ((COMP_CWORD == index + 1)); then
          COMPREPLY=($(compgen -W "$subcommands" -- "$word"))
        else
          COMPREPLY=($(compgen -f -- "$word"))
        fi
      }

      _conveyor_place() { # words
        case $1 in
      \(cases.joined())    *) return 1 ;;
        esac
      }

      _conveyor_value() { # words and option, what is typed
        local word=$2
        case $1 in
      \(values)    *) COMPREPLY=($(compgen -f -- "$word")) ;;
        esac
      }

      complete -o filenames -o bashdefault -F _conveyor conveyor

      """
  }

  /// For zsh: lists with what each word does.
  var zsh: String {
    func described(_ words: [(String, String)]) -> String {
      words.map { word, text in
        Self.quoted("\(word.replacing(":", with: "\\:")):\(Self.brief(text))")
      }.joined(separator: " ")
    }
    let cases = places.map { place in
      let options = place.options.map { ($0.spelling, $0.text) }
      let valued = place.options.filter(\.takesValue).map(\.spelling)
      return """
            \(Self.quoted(place.words)))
              subcommands=(\(described(place.subcommands.map { ($0.name, $0.abstract) })))
              options=(\(described(options)))
              valued=(\(valued.joined(separator: " "))) ;;

        """
    }
    let values = valueCases(
      asking: { "compadd -- ${(f)\"$(conveyor completions \($0) 2>/dev/null)\"}" },
      listing: { "compadd -- \($0.joined(separator: " "))" })
    return """
      #compdef conveyor
      # zsh completion for conveyor. Made by `conveyor completions zsh`.
      _conveyor_place() {
        case $1 in
      \(cases.joined())    *) return 1 ;;
        esac
      }

      _conveyor() {
        local -a commands subcommands options valued
        local place before index=2
        commands=(\(described(commands)))
        [[ ${words[2]} != --config ]] || index=4
        if ((CURRENT == 3 && index == 4)); then _files; return; fi
        if ((CURRENT == index)); then
          _describe command commands
          [[ ${words[CURRENT]} != -* ]] || compadd -- --config --version --help
          return
        fi
        place=${words[index]}
        if [[ $place == help ]]; then _describe command commands; return; fi
        _conveyor_place $place
        if ((CURRENT > index + 1)) && _conveyor_place "$place ${words[index+1]}"; then
          place+=" ${words[index+1]}"
          ((index += 1))
        fi
        before=${words[CURRENT-1]}
        if ((${valued[(Ie)$before]})); then
          case "$place $before" in
      \(values)    *) _files ;;
          esac
        elif [[ ${words[CURRENT]} == -* ]]; then
          _describe option options
        elif ((${#subcommands} && CURRENT == index + 1)); then
          _describe subcommand subcommands
        else
          _files
        fi
      }

      _conveyor "$@"

      """
  }

  /// For fish: a line for each word.
  var fish: String {
    var lines = [
      "# fish completion for conveyor. Made by `conveyor completions fish`.",
      "complete -c conveyor -n __fish_use_subcommand -l config -r -F -d 'Read settings from this file'",
      "complete -c conveyor -n __fish_use_subcommand -l version -d 'Print versions'",
    ]
    for (name, abstract) in commands {
      lines.append(
        "complete -c conveyor -n __fish_use_subcommand -f -a \(name) -d \(Self.quoted(Self.brief(abstract)))"
      )
      lines.append("complete -c conveyor -n '__fish_seen_subcommand_from help' -f -a \(name)")
    }
    for place in places {
      let words = place.words.split(separator: " ")
      let seen = words.map { "__fish_seen_subcommand_from \($0)" }.joined(separator: "; and ")
      for (name, abstract) in place.subcommands {
        lines.append(
          "complete -c conveyor -n '\(seen)' -f -a \(name) -d \(Self.quoted(Self.brief(abstract)))")
      }
      for option in place.options {
        let name =
          option.spelling.hasPrefix("--")
          ? "-l \(option.spelling.dropFirst(2))" : "-s \(option.spelling.dropFirst())"
        let value: String
        if !option.takesValue {
          value = ""
        } else if let kind = Self.named[option.spelling] {
          value = " -x -a '(conveyor completions \(kind) 2>/dev/null)'"
        } else if let words = place.values[option.spelling] {
          value = " -x -a \(Self.quoted(words.joined(separator: " ")))"
        } else {
          value = " -r"
        }
        lines.append(
          "complete -c conveyor -n '\(seen)' \(name)\(value) -d \(Self.quoted(Self.brief(option.text)))"
        )
      }
    }
    return lines.map { "\($0)\n" }.joined()
  }
}
