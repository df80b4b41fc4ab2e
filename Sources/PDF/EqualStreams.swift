import CQPDF

extension PDFDocument {
  /// Streams that refer to each other, as an image to its mask, are equal only when what they refer to is one.
  private static let maximumRounds = 4
  private static let maximumDepth = 100

  /// Makes one of equal images, fonts and profiles. What people edit (contents, forms, appearances) stays apart, and
  /// so does what is in black and white, of which no pixel is to be missed.
  package func mergeEqualStreams() throws(PDFError) {
    for _ in 0..<Self.maximumRounds {
      let same = equalStreams()
      guard !same.isEmpty else { break }
      for number in objectNumbers {
        replaceReferences(in: object(ObjectID(number: number)), same, depth: 0)
        releaseObjects()
      }
    }
    try check("merge equal streams")
  }

  /// Each stream of which there was an equal one before, with that one.
  private func equalStreams() -> [ObjectID: ObjectID] {
    var alike: [String: [ObjectID]] = [:]
    for number in objectNumbers {
      defer { releaseObjects() }
      let (id, stream) = (ObjectID(number: number), object(ObjectID(number: number)))
      guard isStream(stream), mayBeMerged(dictionary(stream)),
        let text = qpdf_oh_unparse(handle, dictionary(stream))
      else { continue }
      alike[String(cString: text), default: []].append(id)
    }
    var same: [ObjectID: ObjectID] = [:]
    for ids in alike.values where ids.count > 1 {
      var first: [[UInt8]: ObjectID] = [:]
      for id in ids {
        guard let bytes = stored(id) else { continue }
        if let other = first[bytes] { same[id] = other } else { first[bytes] = id }
      }
    }
    return same
  }

  private func mayBeMerged(_ dictionary: Object) -> Bool {
    switch name(member("/Subtype", of: dictionary)) {
    case "/Image":
      return !boolean(member("/ImageMask", of: dictionary))
        && integer(member("/BitsPerComponent", of: dictionary)) != 1
    case "/Type1C", "/CIDFontType0C", "/OpenType": return true
    case nil:
      return isNull(member("/Type", of: dictionary))
        && (!isNull(member("/N", of: dictionary)) || !isNull(member("/Length1", of: dictionary)))
    default: return false
    }
  }

  /// In what is there without a reference. What was replaced is nowhere any more, and is not written.
  private func replaceReferences(
    in object: Object, _ same: [ObjectID: ObjectID], depth: Int
  ) {
    guard depth < Self.maximumDepth else { return }
    let dictionary = dictionary(object)
    for key in keys(dictionary) {
      let child = member(key, of: dictionary)
      if let id = same[objectID(child)] {
        qpdf_oh_replace_key(handle, dictionary, key, self.object(id))
      } else if qpdf_oh_is_indirect(handle, child) == 0 {
        replaceReferences(in: child, same, depth: depth + 1)
      }
    }
    for index in 0..<count(object) {
      let child = element(index, of: object)
      if let id = same[objectID(child)] {
        qpdf_oh_set_array_item(handle, object, Int32(clamping: index), self.object(id))
      } else if qpdf_oh_is_indirect(handle, child) == 0 {
        replaceReferences(in: child, same, depth: depth + 1)
      }
    }
  }
}
