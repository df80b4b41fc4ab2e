import Glibc

/// An address of this machine to listen on (IPv4).
struct Endpoint: Sendable, Equatable, CustomStringConvertible {
  /// Four numbers with points, or `localhost`.
  let host: String
  /// 0 stands for any free port.
  let port: UInt16

  init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `HOST:PORT`; `nil` where that is no IPv4 address with a port.
  init?(parsing text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let port = UInt16(parts[1]) else { return nil }
    self.init(host: parts[0] == "localhost" ? "127.0.0.1" : String(parts[0]), port: port)
    guard address != nil else { return nil }
  }

  var description: String { "\(host):\(port)" }

  /// As the system wants it.
  var address: sockaddr_in? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    return inet_pton(AF_INET, host, &address.sin_addr) == 1 ? address : nil
  }
}

/// The portal's contents: an answer for each request.
struct Site: Sendable {
  let catalogue: Catalogue
  let scans: ScanStore
  let sites: Sites

  init(catalogue: Catalogue, scans: ScanStore, sites: Sites? = nil) {
    self.catalogue = catalogue
    self.scans = scans
    self.sites = sites ?? Sites(catalogue: catalogue, seed: scans.seed)
  }

  /// What is asked for; cheap.
  func route(_ request: Request) -> Route {
    sites.route(request) ?? Route(path: request.path, query: request.query, in: catalogue)
  }

  /// The answer; this may draw the pages of a scan.
  func response(to request: Request, _ route: Route) -> Response {
    switch route {
    case .form(let note): return Response(html: Pages.form(note: note))
    case .nothingFound: return Response(html: Pages.nothingFound)
    case .found(let document): return Response(html: LookUpPage(document, scans.seed).html)
    case .brokenScan, .noSuchScan: return Response(html: Pages.scanUnavailable)
    case .missing: return Response(404, html: Pages.missing)
    case .page(let response, _): return response
    case .scan(let document, let pages):
      return drawn(request) { () throws(PictureError) in try scans.scan(document, pages: pages) }
    case .image(let document, let page):
      return drawn(request) { () throws(PictureError) in try scans.image(document, page: page) }
    }
  }

  private func drawn(_ request: Request, _ draw: () throws(PictureError) -> Scan) -> Response {
    do throws(PictureError) {
      return ScanAnswer.response(try draw(), to: request)
    } catch {
      return Response(500, html: Pages.failure("cannot \(error.action)"))
    }
  }
}
