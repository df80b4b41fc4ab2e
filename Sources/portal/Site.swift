/// The portal's contents: an answer for each request.
struct Site: Sendable {
  let catalogue: Catalogue
  let scans: ScanStore

  /// What is asked for; cheap.
  func route(_ request: Request) -> Route {
    Route(path: request.path, query: request.query, in: catalogue)
  }

  /// The answer; this may draw the pages of a scan.
  func response(to request: Request, _ route: Route) -> Response {
    switch route {
    case .form(let note): return Response(html: Pages.form(note: note))
    case .nothingFound: return Response(html: Pages.nothingFound)
    case .found(let document): return Response(html: LookUpPage(document, scans.seed).html)
    case .brokenScan, .noSuchScan: return Response(html: Pages.scanUnavailable)
    case .missing: return Response(404, html: Pages.missing)
    case .scan(let document, let pages):
      do throws(PictureError) {
        return ScanAnswer.response(try scans.scan(document, pages: pages), to: request)
      } catch {
        return Response(500, html: Pages.failure("cannot \(error.action)"))
      }
    }
  }
}
