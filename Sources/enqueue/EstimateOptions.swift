import ArgumentParser
import CLI
import Common
import Index
import Config

/// What `fetch` will be told, as far as the estimate of `--preflight` depends on it.
struct EstimateOptions: ParsableArguments {
  @Option(help: "The portal's address, instead of the one in the portal file.")
  var portalBase: String?

  @Option(
    help:
      "Seconds between two requests to a host. (default: the portal's or the stage's, else 0.5)",
    transform: { text in
      guard let seconds = Time.span(text) else {
        throw ValidationError(
          "--rate-limit-delay has to be a time like 0.5 or 500ms, and is \(text)")
      }
      return seconds
    })
  var rateLimitDelay: Double?

  /// How long a run of the stage takes at least, and what it cannot exceed. Empty without portals; where
  /// a portal's file cannot be read, `fetch` says so, and here it costs the estimate alone.
  func lines(
    _ index: any DocumentIndex, _ selection: Selection, _ filter: SelectionOptions
  ) throws -> [String] {
    let stage = try filter.stages.load()
    let names = filter.portal.isEmpty ? stage?.portals ?? [] : filter.portal
    let portals: [PortalOutline]
    do throws(Fatal) {
      var outlines: [PortalOutline] = []
      for name in names {
        outlines.append(try PortalOutline(named: name, in: filter.portalsDir, base: portalBase))
      }
      portals = outlines
    } catch { return ["no estimate: \(error.message)"] }
    var parts: [StartEstimate.Part] = []
    for (portal, books) in PortalOutline.division(of: selection.books, among: portals)
    where !books.isEmpty {
      var share = selection
      share.books = books
      let counts = try index.counts(share)
      parts.append(
        .init(
          host: portal.host,
          delay: rateLimitDelay ?? portal.delay ?? stage?.rateLimitDelay ?? 0.5,
          requests: portal.requests, documents: counts.upcoming(selection) + counts.inProgress))
    }
    return StartEstimate(parts, limit: selection.limit).lines
  }
}
