import Common
import Crypto
import Foundation
import Index
import Logging
import Page

/// What is answered to each request that may be answered. Everything that asks the index or the limiter is done by
/// threads of the dashboard's own, never by the server's.
final class Site: Sendable {
  private let access: Access
  private let sampler: Sampler
  private let viewers: Viewers
  private let slow: SlowRequests
  private let sources: Sources
  private let subject: String
  private let hints: CommandHints
  private let hasControl: Bool
  private let logger: Logger

  init(
    access: Access, sampler: Sampler, viewers: Viewers, slow: SlowRequests, sources: Sources,
    subject: String, hints: CommandHints, hasControl: Bool, logger: Logger
  ) {
    self.access = access
    self.sampler = sampler
    self.viewers = viewers
    self.slow = slow
    self.sources = sources
    self.subject = subject
    self.hints = hints
    self.hasControl = hasControl
    self.logger = logger
  }

  /// What viewers see of a sample.
  func fragments(_ sample: Sample) -> [(id: String, html: String)] {
    Panels(sample: sample, subject: subject, hints: hints, hasControl: hasControl).fragments
  }

  func answer(_ request: Request) -> HTTPServer.Answer {
    switch access.judge(request) {
    case .refused(let status, let reason):
      logger.debug("refused \(status): \(Format.quoted(request.path))")
      var reply = Reply(status, "text/plain; charset=utf-8", reason + "\n")
      if status == 401 { reply.fields["WWW-Authenticate"] = "Bearer" }
      if status == 405 { reply.fields["Allow"] = "GET, HEAD, POST" }
      return .reply(reply)
    case .enter:
      var reply = Reply.redirect(to: "/")
      reply.fields["Set-Cookie"] = access.cookieField
      return .reply(reply)
    case .open: return request.method == "POST" ? post(request) : get(request)
    }
  }

  private func get(_ request: Request) -> HTTPServer.Answer {
    switch request.path {
    case "/":
      return .later { [self] finish in
        sampler.whenSeen { finish(Reply(html: self.page($0))) }
      }
    case "/live": return live(request)
    case "/api/status":
      return .later { [self] finish in
        sampler.whenSeen { sample in
          let json = StatusJSON(sample, subject: self.subject).json
          finish(Reply(200, "application/json", json.description + "\n"))
        }
      }
    case "/metrics":
      return .later { [self] finish in
        sampler.whenSeen { sample in
          finish(Reply(200, SampleMetrics.type, SampleMetrics(sample).text))
        }
      }
    case "/document":
      let name = request.query["id"] ?? ""
      return slow.answer { [self] in document(name) }
    case "/control":
      guard hasControl else { return .reply(noControl) }
      guard let form = Control.form(request.query) else { return .reply(notFound) }
      return .reply(Reply(html: frame("<section>\(form)</section>")))
    case "/style.css": return .reply(Reply(200, "text/css; charset=utf-8", Assets.style))
    case "/app.js":
      return .reply(Reply(200, "text/javascript; charset=utf-8", Assets.script))
    case "/healthz": return .reply(Reply(200, "text/plain; charset=utf-8", "ok\n"))
    default: return .reply(notFound)
    }
  }

  private func post(_ request: Request) -> HTTPServer.Answer {
    guard request.path == "/control" else { return .reply(notFound) }
    guard hasControl else { return .reply(noControl) }
    return slow.answer { [self] in
      do {
        let done = try Control(request.form).perform(sources, logger)
        sampler.hurry()
        return Reply(
          html: frame(
            "<section><h2>Done</h2><p>\(HTMLText.escaped(done))</p><p><a href=\"/\">Back</a></p></section>"
          ))
      } catch {
        let fatal = Fatal(describing: error)
        return Reply(
          fatal.code == .usage ? 400 : 503,
          html: frame(
            "<section><h2>Not done</h2><p>\(HTMLText.escaped(fatal.message))</p>"
              + "<p><a href=\"/\">Back</a></p></section>"))
      }
    }
  }

  private var notFound: Reply {
    Reply(404, html: frame("<section><h2>There is no such page</h2></section>"))
  }

  private var noControl: Reply {
    Reply(
      403,
      html: frame(
        "<section><h2>Only to look at</h2><p>The dashboard was started without "
          + "<code>--allow-control</code>.</p></section>"))
  }

  /// The handshake of a WebSocket (RFC 6455, section 4.2).
  private func live(_ request: Request) -> HTTPServer.Answer {
    guard request.field("upgrade")?.lowercased() == "websocket",
      request.field("sec-websocket-version") == "13",
      let key = request.field("sec-websocket-key"), key.utf8.count == 24
    else {
      var reply = Reply(426, "text/plain; charset=utf-8", "This is for WebSockets of version 13.\n")
      reply.fields["Upgrade"] = "websocket"
      reply.fields["Sec-WebSocket-Version"] = "13"
      return .reply(reply)
    }
    guard viewers.hasRoom else {
      return .reply(Reply(503, "text/plain; charset=utf-8", "Too many look already.\n"))
    }
    var digest = Digest(.sha1)
    Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8).withUnsafeBytes { digest.update($0) }
    return .socket(Data(digest.finish()).base64EncodedString())
  }

  private func document(_ text: String) -> Reply {
    guard let name = DocumentName(text.filter { $0 != " " }) else {
      return Reply(
        400,
        html: frame(
          "<section><h2>No name of a document</h2><p>\(HTMLText.escaped(Format.quoted(text))) is "
            + "neither an id like 184223 nor a book and page like 285/55.</p></section>"))
    }
    do {
      let documents = try sources.index.documents(named: name)
      guard !documents.isEmpty else {
        return Reply(
          404,
          html: frame(
            "<section><h2>The index has no document \(HTMLText.escaped(text))</h2></section>"))
      }
      let stories = try documents.map { document in
        DocumentStory(
          document, fetched: try .init(of: document.id, in: sources.folder), object: nil,
          log: LogExcerpt.lines(of: document.id, in: sources.log)
        ).html + actions(document)
      }
      return Reply(html: frame(stories.map { "<section>\($0)</section>" }.joined(separator: "\n")))
    } catch {
      let message = HTMLText.escaped(Fatal(describing: error).message)
      return Reply(
        503, html: frame("<section><h2>It could not be read</h2><p>\(message)</p></section>"))
    }
  }

  private func actions(_ document: IndexedDocument) -> String {
    guard hasControl, let id = Int(document.id) else { return "" }
    let kinds: [Control.Kind] =
      switch document.status {
      case .failed: [.retry, .skip]
      case .pending: [.skip]
      default: []
      }
    return kinds.map {
      "<a href=\"/control?action=\($0.rawValue)&amp;id=\(id)\">\($0.rawValue)</a> "
    }
    .joined()
  }

  // MARK: Pages

  private func page(_ sample: Sample) -> String {
    let wide = ["overview", "politeness", "log"]
    let panels = fragments(sample).filter { $0.id != "asof" }.map { id, html in
      let element = id.hasPrefix("report-") ? "div" : "section"
      let kind = wide.contains(id) ? " class=\"wide\"" : ""
      let tag = id == "overview" ? "div" : element
      return "<\(tag) id=\"\(id)\"\(kind)>\(html)</\(tag)>\n"
    }
    let stamps = fragments(sample).first { $0.id == "asof" }?.html ?? ""
    return frame(
      "<div class=\"panels\">\n\(panels.joined())</div>\n",
      header: """
        <span class="muted" id="asof">\(stamps)</span>
        <span id="live" role="status">not live</span>
        <button id="pause" type="button" aria-pressed="false" hidden>Pause updates</button>
        """,
      script: """
        <noscript><p class="notice">Without script this page is complete and stays as it is. \
        <a href="/">Load it again</a> for newer numbers.</p></noscript>
        <script src="/app.js" defer></script>
        """)
  }

  private func frame(_ body: String, header: String = "", script: String = "") -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(HTMLText.escaped("Conveyor: \(subject)"))</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/style.css">
    </head>
    <body>
    <a class="skip" href="#main">Skip to the numbers</a>
    <header>
    <h1><a href="/">Conveyor</a>: \(HTMLText.escaped(subject))</h1>
    \(header)
    <form action="/document" role="search">
    <label class="skip" for="id">Document, by its id or its book and page</label>
    <input id="id" name="id" size="14" placeholder="184223 or 285/55" required>
    <button type="submit">Find document</button>
    </form>
    </header>
    \(script)
    <main id="main">
    \(body)</main>
    </body>
    </html>

    """
  }
}

extension DocumentStory {
  /// The same as a part of a page.
  var html: String {
    let facts = facts.map {
      "<dt>\(HTMLText.escaped($0.0))</dt><dd>\(HTMLText.escaped($0.1))</dd>"
    }
    let log = log.map { HTMLText.escaped($0) }.joined(separator: "\n")
    return """
      <h2>\(HTMLText.escaped(headline))</h2>
      <p><b>What to do:</b> \(HTMLText.escaped(advice))</p>
      <dl>\(facts.joined(separator: "\n"))</dl>
      \(log.isEmpty ? "" : "<h2>Last in the log</h2>\n<pre>\(log)</pre>")
      """
  }
}
