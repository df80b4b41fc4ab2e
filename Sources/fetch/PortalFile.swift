import Common
import Glibc
import Config
import HTTP

extension Portal {
  /// Where the secrets of a portal file come from.
  typealias SecretSource = (_ name: String, _ portal: String) throws(Fatal) -> Secret

  /// Finds and reads a portal: a path to a file, or a name in the folders `path`. `base` replaces the file's.
  init(
    named name: String, in path: String, base: String?,
    secrets: SecretSource = PortalSecrets.find
  ) throws(Fatal) {
    try self.init(
      path: SearchPath(path).find("portal", named: name), base: base, secrets: secrets)
  }

  init(path: String, base: String?, secrets: SecretSource = PortalSecrets.find) throws(Fatal) {
    var settings = try SettingsFile(path: path).settings()
    let file = path.split(separator: "/").last.map(String.init) ?? path
    name = file.hasSuffix(".yaml") ? String(file.dropLast(5)) : file
    _ = try settings.string("description")
    books = try settings.parsed("books", "a range like 238-3971", Stage.range)
    hosts = try settings.strings("hosts").map { $0.lowercased() }
    budget = try settings.parsed("budget", "a host, like tools.example.org") {
      WebURL("http://\($0)/").map(\.budget)
    }
    let written = try settings.string("base")
    if let text = base ?? written {
      guard let url = WebURL(text.hasSuffix("/") ? text : text + "/") else {
        throw settings.wrong("base", "an absolute http or https URL, not \(Format.quoted(text))")
      }
      self.base = url
    }
    delay = try settings.parsed("rate-limit-delay", "seconds, like 0.5", Time.span)
    charset = try settings.parsed("charset", "the name of a charset, like windows-1252") {
      Charset(label: $0)
    }
    meanings = try PageMeanings(&settings)
    let session = try settings.parsed("session", "true or worker", Session.init(rawValue:))
    for (index, step) in try settings.nestedList("login").enumerated() {
      login.append(try PortalStep(step, number: index + 1, isLogin: true))
    }
    let document = try settings.parsed("document", "a template", Self.template)
    let lookup = try settings.nested("lookup")
    let list = try settings.nestedList("steps")
    try settings.finish()
    switch (document, lookup, list.isEmpty) {
    case (let template?, nil, true): steps = [.document(template)]
    case (nil, let lookup?, true): steps = try PortalStep.lookup(lookup)
    case (nil, nil, false):
      steps = []
      for (index, step) in list.enumerated() {
        steps.append(try PortalStep(step, number: index + 1, isLogin: false))
      }
    default: throw settings.wrong("a portal", "given by one of document, lookup and steps")
    }
    self.session = session ?? (list.isEmpty || !login.isEmpty ? .worker : .document)
    try connect(path)
    guard self.base != nil else {
      throw Fatal(
        .configuration,
        "\(path) has no base: write the portal's address there, or give it with --portal-base")
    }
    for name in Set((login + steps).flatMap(\.names)) where name.hasPrefix(Template.secretPrefix) {
      let name = String(name.dropFirst(Template.secretPrefix.count))
      let secret = try secrets(name, self.name)
      KnownSecrets.learn(secret)
      self.secrets[name] = secret
    }
  }

  static func template(_ text: String) -> Template? { try? Template(text) }
}

extension Portal {
  /// Finds out which step reads what for which, and refuses what cannot be filled.
  mutating func connect(_ path: String) throws(Fatal) {
    func wrong(_ step: PortalStep, _ what: String) -> Fatal {
      Fatal(.configuration, "\(path): \(step.name) \(what)")
    }
    guard login.count <= PortalStep.maximumSteps, steps.count <= PortalStep.maximumSteps else {
      throw Fatal(
        .configuration, "\(path) has more than \(PortalStep.maximumSteps) steps")
    }
    var all = login + steps
    var known: Set<String> = []
    for index in all.indices {
      let isFirst = index == 0 || index == login.count
      let isLast = index == all.count - 1
      if all[index].formFrom != nil {
        guard !isFirst else { throw wrong(all[index], "has a form_from, and no page before it") }
        all[index - 1].formForNext = all[index].formFrom
      }
      try Self.link(&all, index, known, wrong)
      try checkFields(of: all[index], known, in: all, path)
      let doublet = all[index].readings.first { known.contains($0.name) }
      if let doublet { throw wrong(all[index], "reads \(doublet.name), which is read already") }
      known.formUnion(all[index].readings.map(\.name))
      if isLast { try Self.checkLast(all[index], wrong) }
      guard isLast || all[index].accepts.isEmpty else {
        throw wrong(all[index], "has accept, which is for the last step")
      }
    }
    let read = known
    for index in all.indices {
      let step = all[index]
      if index < all.count - 1 {
        let isRead = !step.readings.isEmpty || step.formForNext != nil || step.knowsAnswers
        all[index].purpose = isRead ? .page : .action
      } else {
        all[index].purpose = step.namesInAddress.contains(where: read.contains) ? .image : .document
      }
    }
    steps = Array(all[login.count...])
    login = Array(all[..<login.count])
  }

  /// Marks what a step's address needs where it is read.
  private static func link(
    _ all: inout [PortalStep], _ index: Int, _ known: Set<String>,
    _ wrong: (PortalStep, String) -> Fatal
  ) throws(Fatal) {
    if case .template(let template) = all[index].address, let name = template.onlyField,
      known.contains(name)
    {
      all[index].address = .link(name)
    }
    for name in all[index].namesInAddress where known.contains(name) {
      for earlier in all.indices[..<index] {
        guard let place = all[earlier].readings.firstIndex(where: { $0.name == name }) else {
          continue
        }
        all[earlier].readings[place].isInAddress = true
        if case .link = all[index].address { all[earlier].readings[place].isLink = true }
      }
    }
  }

  private static func checkLast(
    _ step: PortalStep, _ wrong: (PortalStep, String) -> Fatal
  ) throws(Fatal) {
    guard step.readings.isEmpty, step.next == nil, !step.isLogin else {
      throw wrong(
        step, "is the last, whose bodies are the document: read and next belong before it")
    }
  }

  /// A field that is almost one of a record's would be missing in each document.
  private func checkFields(
    of step: PortalStep, _ known: Set<String>, in all: [PortalStep], _ path: String
  ) throws(Fatal) {
    for name in step.names {
      if known.contains(name) || name.hasPrefix(Template.secretPrefix) { continue }
      if name == PortalStep.numberName, step.firstNumber != nil { continue }
      if let later = all.first(where: { $0.readings.contains { $0.name == name } }) {
        throw Fatal(
          .configuration, "\(path): \(step.name) needs {\(name)}, which \(later.name) reads")
      }
      guard !step.isLogin else {
        throw Fatal(
          .configuration, "\(path): \(step.name) needs {\(name)}, and a log-in knows no record")
      }
      if let near = NearestName.of(name, among: known), !RecordFieldNames.all.contains(name) {
        throw Fatal(
          .configuration, "\(path): {\(name)} names nothing that was read; {\(near)} does")
      }
    }
    for template in step.templates {
      let extra =
        Array(known) + [PortalStep.numberName]
        + step.names.filter {
          $0.hasPrefix(Template.secretPrefix)
        }
      guard let rejection = RecordFieldNames.rejection(to: template, extra: extra) else { continue }
      throw Fatal(.configuration, "\(path): \(rejection)")
    }
  }
}
