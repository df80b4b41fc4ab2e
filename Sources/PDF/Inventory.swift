import CQPDF

/// What a document has besides what its pages show: what a program that writes it anew may drop
/// silently. Pure data.
package struct Inventory: Sendable, Equatable {
  /// How many there are of each; what there is none of is left out.
  package internal(set) var counts: [Kind: Int] = [:]

  package enum Kind: String, Sendable, CaseIterable {
    case outline = "outline entries"
    case destinations = "named destinations"
    case links, widgets, annotations
    case attachments
    case layers
    case labels = "page labels"
    case scripts
    case articles = "article threads"
    case viewerPreferences = "viewer preferences"
    case pieceInfo = "private data of a program"
    case outputIntents = "output intents"
    case tags
    case bilevelPixels = "pixels in black and white"
    /// Of one image, so that equal images may become one.
    case scarcePixels = "pixels of the largest image that has too few to lose any"
  }

  /// How many there are of what should not become more; what there is none of is left out.
  package internal(set) var flaws: [Flaw: Int] = [:]

  /// What a program that writes a document anew may bring into it.
  package enum Flaw: String, Sendable, CaseIterable {
    /// Readers guess differently what such a font's characters are: `Ú` becomes `⁄` for one of two.
    case fontsWithoutEncoding = "fonts do not say which characters they show"
    case illegibleImages = "images that fill a page have too few pixels to be read"
  }

  /// Whether the document says of itself that it is PDF/A, PDF/UA or PDF/X.
  package internal(set) var claim: String?

  /// What of `original` is missing here, for people; `nil` if nothing is.
  package func loss(from original: Inventory) -> String? {
    for kind in Kind.allCases {
      let (before, after) = (original.counts[kind] ?? 0, counts[kind] ?? 0)
      if after < before { return "\(before - after) of \(before) \(kind.rawValue) are missing" }
    }
    for flaw in Flaw.allCases {
      let (before, after) = (original.flaws[flaw] ?? 0, flaws[flaw] ?? 0)
      if after > before { return "\(after) \(flaw.rawValue), and there were \(before)" }
    }
    if let claim = original.claim, self.claim != claim {
      return "the claim to be \(claim) is missing"
    }
    return nil
  }
}

extension PDFDocument {
  /// More of anything is not counted: a tree may have no end.
  private static let maximumNodes = 1_000_000

  /// Counts what the document has. `images` are those of ``images(_:)``.
  package func inventory(
    pages: Int, images: [ImageDescription]
  ) throws(PDFError) -> Inventory {
    defer { releaseObjects() }
    let root = qpdf_get_root(handle)
    func member(_ name: String) -> Object { self.member(name, of: root) }
    let names = member("/Names")
    var inventory = Inventory()
    func count(_ kind: Inventory.Kind, _ number: Int) {
      if number > 0 { inventory.counts[kind, default: 0] += number }
    }
    count(.outline, listLength(self.member("/First", of: member("/Outlines"))))
    count(.destinations, keys(member("/Dests")).count + leaves(self.member("/Dests", of: names)))
    count(.attachments, leaves(self.member("/EmbeddedFiles", of: names)))
    count(.scripts, leaves(self.member("/JavaScript", of: names)))
    count(.scripts, isDictionary(member("/OpenAction")) ? 1 : 0)
    count(.scripts, keys(member("/AA")).count)
    count(.layers, self.count(self.member("/OCGs", of: member("/OCProperties"))))
    count(.labels, leaves(member("/PageLabels"), "/Nums"))
    count(.articles, self.count(member("/Threads")))
    count(.viewerPreferences, keys(member("/ViewerPreferences")).count)
    count(.pieceInfo, keys(member("/PieceInfo")).count)
    count(.outputIntents, self.count(member("/OutputIntents")))
    count(.tags, isDictionary(member("/StructTreeRoot")) ? 1 : 0)
    inventory.claim = claim(root)
    var (fonts, seen) = (Set<Int>(), SeenObjects())
    for index in 0..<pages {
      let page = qpdf_get_page_n(handle, index)
      for (kind, number) in annotations(of: page) { count(kind, number) }
      fonts.formUnion(fontsWithoutEncoding(self.member("/Resources", of: page), seen: &seen))
      releaseObjects()
    }
    inventory.flaws[.fontsWithoutEncoding] = fonts.isEmpty ? nil : fonts.count
    let illegible = images.count { $0.minimumScale >= 1 }
    inventory.flaws[.illegibleImages] = illegible > 0 ? illegible : nil
    count(
      .bilevelPixels,
      images.filter { $0.bits == 1 && $0.colour.samples == 1 }.reduce(0) {
        $0 + $1.width.multipliedReportingOverflow(by: $1.height).partialValue
      })
    let scarce = images.filter { $0.minimumScale >= 1 }.map {
      $0.width.multipliedReportingOverflow(by: $0.height).partialValue
    }
    count(.scarcePixels, scarce.max() ?? 0)
    try check("count what it has")
    return inventory
  }

  /// Fonts of these resources, and of the forms in them, that have neither a table of characters (ISO
  /// 32000-1, 9.10.3) nor an encoding that has a name, nor one made of names (9.6.6). `seen` are the objects
  /// that were looked at.
  private func fontsWithoutEncoding(
    _ resources: Object, seen: inout SeenObjects
  ) -> Set<Int> {
    var found: Set<Int> = []
    var waiting = [resources]
    while let resources = waiting.popLast(), seen.count < Self.maximumNodes {
      guard isNew(resources, &seen) else { continue }
      let fonts = member("/Font", of: resources)
      for key in isNew(fonts, &seen, as: "/Font") ? keys(fonts) : [] {
        let font = member(key, of: fonts)
        guard isDictionary(font), isNew(font, &seen),
          name(member("/Subtype", of: font)) != "/Type3"
        else { continue }
        let encoding = member("/Encoding", of: font)
        if !isStream(member("/ToUnicode", of: font)), name(encoding) == nil,
          !isDictionary(encoding), !isStream(encoding)
        {
          found.insert(identity(font))
        }
      }
      let objects = member("/XObject", of: resources)
      for key in isNew(objects, &seen, as: "/XObject") ? keys(objects) : [] {
        let object = member(key, of: objects)
        guard isStream(object), isNew(object, &seen) else { continue }
        waiting.append(member("/Resources", of: dictionary(object)))
      }
    }
    return found
  }

  private func annotations(of page: Object) -> [Inventory.Kind: Int] {
    var counts: [Inventory.Kind: Int] = [:]
    let annotations = member("/Annots", of: page)
    for index in 0..<count(annotations) {
      let annotation = element(index, of: annotations)
      switch name(member("/Subtype", of: annotation)) {
      case "/Link": counts[.links, default: 0] += 1
      case "/Widget": counts[.widgets, default: 0] += 1
      case "/FileAttachment":
        counts[.attachments, default: 0] += 1
        counts[.annotations, default: 0] += 1
      case nil where !isDictionary(annotation): break
      default: counts[.annotations, default: 0] += 1
      }
    }
    counts[.pieceInfo] = keys(member("/PieceInfo", of: page)).count
    return counts
  }

  /// Entries of a tree that is linked by `/First` and `/Next` (ISO 32000-1, 12.3.3), each once.
  private func listLength(_ first: Object) -> Int {
    var waiting = [first]
    var seen: Set<Int> = []
    while let entry = waiting.popLast(), seen.count < Self.maximumNodes {
      guard isDictionary(entry), seen.insert(identity(entry)).inserted else { continue }
      waiting.append(member("/Next", of: entry))
      waiting.append(member("/First", of: entry))
    }
    return seen.count
  }

  /// Entries of a name tree or a number tree (7.9.6, 7.9.7).
  private func leaves(_ tree: Object, _ key: String = "/Names") -> Int {
    var waiting = [tree]
    var seen = SeenObjects()
    var total = 0
    while let node = waiting.popLast(), seen.count < Self.maximumNodes {
      guard isDictionary(node), isNew(node, &seen) else { continue }
      total += count(member(key, of: node)) / 2
      let kids = member("/Kids", of: node)
      guard isNew(kids, &seen) else { continue }
      for index in 0..<min(count(kids), Self.maximumNodes) {
        waiting.append(element(index, of: kids))
      }
    }
    return total
  }

  /// The standard that the metadata name, as their namespaces show (ISO 19005-1, 6.7.11).
  private func claim(_ root: Object) -> String? {
    guard let text = content(member("/Metadata", of: root), limit: 16 << 20) else { return nil }
    for (namespace, name) in [
      ("http://www.aiim.org/pdfa/ns/id/", "PDF/A"), ("http://www.aiim.org/pdfua/ns/id/", "PDF/UA"),
      ("http://www.npes.org/pdfx/ns/id/", "PDF/X"), ("http://ns.adobe.com/pdfx/", "PDF/X"),
    ] where contains(text, Array(namespace.utf8)) {
      return name
    }
    return nil
  }

  private func contains(_ text: [UInt8], _ wanted: [UInt8]) -> Bool {
    guard let first = wanted.first, text.count >= wanted.count else { return false }
    return text.indices.dropLast(wanted.count - 1).contains { index in
      text[index] == first && text[index..<(index + wanted.count)].elementsEqual(wanted)
    }
  }

  /// Takes over what `source` says about itself: the document information and the metadata, which
  /// Ghostscript writes anew, or not at all. `source` must live until this was written.
  package func adoptMetadata(of source: borrowing PDFDocument) throws(PDFError) {
    defer {
      releaseObjects()
      source.releaseObjects()
    }
    let trailer = qpdf_get_trailer(handle)
    let info = source.member("/Info", of: qpdf_get_trailer(source.handle))
    if source.isDictionary(info) {
      qpdf_oh_replace_key(handle, trailer, "/Info", copy(info, of: source))
    }
    let metadata = source.member("/Metadata", of: qpdf_get_root(source.handle))
    if source.isStream(metadata), qpdf_oh_is_indirect(source.handle, metadata) != 0 {
      qpdf_oh_replace_key(handle, qpdf_get_root(handle), "/Metadata", copy(metadata, of: source))
    }
    try check("take over the metadata")
  }

  private func copy(_ object: Object, of source: borrowing PDFDocument) -> Object {
    // libqpdf copies indirect objects only.
    let indirect =
      qpdf_oh_is_indirect(source.handle, object) != 0
      ? object : qpdf_make_indirect_object(source.handle, object)
    return qpdf_oh_copy_foreign_object(handle, source.handle, indirect)
  }
}
