import CQPDF

/// Walks through all that pages draw, and finds the largest size at which each image is drawn.
///
/// What is drawn by a page, or by forms that it draws, has a known size. What annotations, patterns,
/// Type 3 fonts and soft masks draw is found too, and its size counts as unknown.
struct ImageSurvey: ~Copyable {
  /// Deeper forms, more of them, or longer contents make all sizes unknown: forms that draw forms
  /// ten times each multiply without end.
  private static let maximumDepth = 12
  private static let maximumForms = 20_000
  private static let maximumContent = 256 << 20
  private static let maximumStream = 64 << 20

  typealias Object = PDFDocument.Object

  private var images: [ObjectID: ImageDescription] = [:]
  private var sizes: [ObjectID: DrawnSize] = [:]
  private var scales: [ObjectID: Double] = [:]
  /// What the page that is looked at draws: how large at most, and how much of it all together, in points.
  private var drawnHere: [ObjectID: (size: DrawnSize, area: Double)] = [:]
  /// What the page that is looked at paints.
  private(set) var painting = PagePainting()
  private var unknown: Set<ObjectID> = []
  private var masks: Set<ObjectID> = []
  /// What has been marked as unknown with all that it draws, and lists of objects of which all were noted.
  private var seen = SeenObjects()
  private var forms = 0
  private var content = 0
  private var gaveUp = false
  /// Whether contents have no end that is worth waiting for, or are damaged.
  private(set) var isExcessive = false

  /// Looks at one page.
  mutating func visit(
    _ index: Int, of document: borrowing PDFDocument, _ geometry: PageGeometry
  ) {
    let page = qpdf_get_page_n(document.handle, index)
    let (box, userUnit) = (geometry.shownCrop, geometry.userUnit)
    let resources = document.member("/Resources", of: page)
    register(resources, in: document)
    markSpecial(resources, in: document, depth: 0)
    let annotations = document.member("/Annots", of: page)
    for index in 0..<document.count(annotations) {
      let appearances = document.member(
        "/AP", of: document.element(index, of: annotations))
      for key in document.keys(appearances) {
        markAppearance(document.member(key, of: appearances), in: document)
      }
    }
    // Also where it draws no objects: whether it has an end is to be known.
    let content = pageContent(page, in: document)
    guard drawsObjects(resources, in: document) else { return }
    let matrix = Matrix(userUnit, 0, 0, userUnit, 0, 0)
    drawnHere = [:]
    draw(content, resources, matrix, in: document, depth: 0)
    noteScales(on: DrawnSize(width: box.width, height: box.height))
  }

  /// Looks for what one page paints, and where.
  mutating func notePainting(
    _ index: Int, of document: borrowing PDFDocument, _ geometry: PageGeometry
  ) {
    let page = qpdf_get_page_n(document.handle, index)
    let resources = document.member("/Resources", of: page)
    painting = PagePainting()
    register(resources, in: document)
    let annotations = document.member("/Annots", of: page)
    painting.paintsShapes = (0..<document.count(annotations)).contains { index in
      document.isDictionary(
        document.member("/AP", of: document.element(index, of: annotations)))
    }
    draw(pageContent(page, in: document), resources, .identity, in: document, depth: 0)
    if gaveUp { painting.isUnderstood = false }
    painting.locate(images, on: geometry)
  }

  /// How far what this page draws may be brought down, so that it can still be read. Tiles count together.
  private mutating func noteScales(on sheet: DrawnSize) {
    let covered = drawnHere.values.reduce(0) { $0 + $1.area }
    for (id, drawn) in drawnHere {
      guard let image = images[id] else { continue }
      let scale = Legibility.minimumScale(
        width: image.width, height: image.height, drawn: drawn.size, on: sheet, covered: covered)
      scales[id] = max(scales[id] ?? 0, scale)
    }
  }

  /// All images found, in the order of their numbers.
  consuming func descriptions() -> [ImageDescription] {
    let (sizes, scales, unknown, masks, gaveUp) = (sizes, scales, unknown, masks, gaveUp)
    return images.values.sorted { $0.id.number < $1.id.number }.map { image in
      var image = image
      if !gaveUp, !unknown.contains(image.id) { image.drawn = sizes[image.id] }
      image.minimumScale = scales[image.id] ?? 0
      if masks.contains(image.id) { image.isFixed = true }
      return image
    }
  }

  private func drawsObjects(_ resources: Object, in document: borrowing PDFDocument) -> Bool {
    !document.keys(document.member("/XObject", of: resources)).isEmpty
  }

  /// The parts of a page's content are one (ISO 32000-1, 7.8.2); between two of them is a space.
  private mutating func pageContent(_ page: Object, in document: borrowing PDFDocument) -> [UInt8]?
  {
    let contents = document.member("/Contents", of: page)
    if document.isNull(contents) { return [] }
    if document.isStream(contents) {
      return content(of: contents, in: document)
    }
    var whole: [UInt8] = []
    for index in 0..<document.count(contents) {
      guard whole.count <= Self.maximumStream,
        let part = content(of: document.element(index, of: contents), in: document)
      else { return nil }
      whole += part + [UInt8(ascii: "\n")]
    }
    return whole
  }

  /// What a stream holds. What has only filters for bytes, and cannot be had, is too long or damaged.
  private mutating func content(
    of stream: Object, in document: borrowing PDFDocument
  ) -> [UInt8]? {
    let content = document.content(stream, limit: Self.maximumStream)
    if content == nil, document.isStream(stream),
      let filters = document.filters(of: document.dictionary(stream)),
      filters.allSatisfy(\.isGeneral)
    {
      isExcessive = true
    }
    return content
  }

  private mutating func draw(
    _ bytes: [UInt8]?, _ resources: Object, _ matrix: Matrix, in document: borrowing PDFDocument,
    isMagnified: Bool = false, depth: Int
  ) {
    let isMagnified = isMagnified || document.magnifiesDifferences(resources)
    content += bytes?.count ?? 0
    forms += 1
    if depth > Self.maximumDepth || forms > Self.maximumForms || content > Self.maximumContent {
      gaveUp = true
      isExcessive = true
    }
    guard !gaveUp else { return }
    guard let bytes, let contents = ContentReader.read(bytes) else {
      painting.isUnderstood = false
      return markAll(resources, in: document, depth: 0)
    }
    painting.add(contents)
    let objects = document.member("/XObject", of: resources)
    for draw in contents.draws where !gaveUp {
      let stream = document.member(draw.name, of: objects)
      guard document.isStream(stream) else { continue }
      let matrix = draw.matrix.then(matrix)
      let dictionary = document.dictionary(stream)
      switch document.name(document.member("/Subtype", of: dictionary)) {
      case "/Image":
        let (id, size) = (document.objectID(stream), matrix.unitSquare)
        sizes[id] = sizes[id]?.union(size) ?? size
        let before = drawnHere[id]
        drawnHere[id] = (
          before?.size.union(size) ?? size, (before?.area ?? 0) + size.width * size.height
        )
        painting.add(id, matrix)
        if isMagnified { unknown.insert(id) }
      case "/Form":
        let own = document.member("/Resources", of: dictionary)
        let resources = document.isDictionary(own) ? own : resources
        register(resources, in: document)
        markSpecial(resources, in: document, depth: 0)
        let array = document.member("/Matrix", of: dictionary)
        let numbers = (0..<min(6, document.count(array))).compactMap {
          document.number(document.element($0, of: array))
        }
        self.draw(
          content(of: stream, in: document), resources,
          (Matrix(numbers) ?? .identity).then(matrix), in: document, isMagnified: isMagnified,
          depth: depth + 1)
      default: break
      }
    }
  }

  /// Takes note of the images that resources name.
  private mutating func register(_ resources: Object, in document: borrowing PDFDocument) {
    let objects = document.member("/XObject", of: resources)
    // Thousands of pages may share one list of thousands of images.
    guard document.isNew(objects, &seen, as: "images") else { return }
    for key in document.keys(objects) {
      let object = document.member(key, of: objects)
      if document.isStream(object) { register(stream: object, in: document) }
    }
  }

  private mutating func register(stream: Object, in document: borrowing PDFDocument) {
    let id = document.objectID(stream)
    guard images[id] == nil,
      document.isName(document.member("/Subtype", of: document.dictionary(stream)), "/Image")
    else { return }
    images[id] = document.describeImage(stream)
    for mask in document.masks(of: stream) {
      masks.insert(document.objectID(mask))
      register(stream: mask, in: document)
    }
  }

  /// Marks what patterns, fonts and soft masks of these resources draw.
  private mutating func markSpecial(
    _ resources: Object, in document: borrowing PDFDocument, depth: Int
  ) {
    for kind in ["/Pattern", "/Font", "/ExtGState"] {
      let list = document.member(kind, of: resources)
      guard document.isNew(list, &seen, as: kind) else { continue }
      for key in document.keys(list) {
        let entry = document.member(key, of: list)
        // Of a graphics state, it is the soft mask that draws.
        let object =
          kind == "/ExtGState"
          ? document.member("/G", of: document.member("/SMask", of: entry)) : entry
        markAll(object: object, in: document, depth: depth + 1)
      }
    }
  }

  private mutating func markAppearance(_ object: Object, in document: borrowing PDFDocument) {
    if document.isStream(object) { return markAll(object: object, in: document, depth: 0) }
    guard document.isNew(object, &seen, as: "/AP") else { return }
    for key in document.keys(object) {
      markAll(object: document.member(key, of: object), in: document, depth: 0)
    }
  }

  /// Marks all that something with resources of its own draws.
  private mutating func markAll(
    object: Object, in document: borrowing PDFDocument, depth: Int
  ) {
    let dictionary = document.dictionary(object)
    guard document.isDictionary(dictionary), document.isNew(object, &seen) else { return }
    markAll(document.member("/Resources", of: dictionary), in: document, depth: depth)
  }

  private mutating func markAll(
    _ resources: Object, in document: borrowing PDFDocument, depth: Int
  ) {
    guard document.isDictionary(resources), document.isNew(resources, &seen, as: "/Resources")
    else { return }
    guard depth <= 2 * Self.maximumDepth else {
      gaveUp = true
      return
    }
    let objects = document.member("/XObject", of: resources)
    for key in document.isNew(objects, &seen, as: "/XObject") ? document.keys(objects) : [] {
      let object = document.member(key, of: objects)
      guard document.isStream(object) else { continue }
      register(stream: object, in: document)
      unknown.insert(document.objectID(object))
      markAll(object: object, in: document, depth: depth + 1)
    }
    markSpecial(resources, in: document, depth: depth)
  }
}

extension PDFDocument {
  /// The images of all pages with how they are used, and whether the contents of pages are longer
  /// than is worth waiting for, or damaged. `pages` are those of ``pages()``, which must have been
  /// called before.
  package func images(
    _ pages: [PageGeometry]
  ) throws(PDFError) -> (images: [ImageDescription], isExcessive: Bool) {
    var survey = ImageSurvey()
    for (index, page) in pages.enumerated() {
      survey.visit(index, of: self, page)
      releaseObjects()
      try check("look for images on page \(index + 1)")
    }
    let isExcessive = survey.isExcessive
    return (survey.descriptions(), isExcessive)
  }
}
