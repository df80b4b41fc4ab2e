import CQPDF
import Glibc

/// Streams as they lie in the file, and put back. Nothing is decoded by libqpdf, which knows no
/// limit.
extension PDFDocument {
  func object(_ id: ObjectID) -> Object {
    qpdf_get_object_by_id(handle, id.number, id.generation)
  }

  func objectID(_ object: Object) -> ObjectID {
    ObjectID(
      number: qpdf_oh_get_object_id(handle, object),
      generation: qpdf_oh_get_generation(handle, object))
  }

  func isStream(_ object: Object) -> Bool { qpdf_oh_is_stream(handle, object) != 0 }

  /// A stream's dictionary, or the dictionary that it is.
  func dictionary(_ object: Object) -> Object {
    isStream(object) ? qpdf_oh_get_dict(handle, object) : object
  }

  func boolean(_ object: Object) -> Bool {
    var value: QPDF_BOOL = 0
    return qpdf_oh_get_value_as_bool(handle, object, &value) != 0 && value != 0
  }

  func name(_ object: Object) -> String? {
    qpdf_oh_is_name(handle, object) != 0
      ? qpdf_oh_get_name(handle, object).map { String(cString: $0) } : nil
  }

  /// The names of a dictionary's members. libqpdf has one iterator, so that none may be left open.
  func keys(_ dictionary: Object) -> [String] {
    guard isDictionary(dictionary) else { return [] }
    var keys: [String] = []
    qpdf_oh_begin_dict_key_iter(handle, dictionary)
    while qpdf_oh_dict_more_keys(handle) != 0, let key = qpdf_oh_dict_next_key(handle) {
      keys.append(String(cString: key))
    }
    return keys
  }

  /// The bytes of a stream as they are in the file; `nil` where they cannot be read.
  func stored(_ stream: Object) -> [UInt8]? {
    var buffer: UnsafeMutablePointer<UInt8>?
    var count = 0
    let code = qpdf_oh_get_stream_data(handle, stream, qpdf_dl_none, nil, &buffer, &count)
    defer { free(buffer) }
    guard (try? Self.check(handle, code, "read a stream")) != nil else { return nil }
    return Array(UnsafeBufferPointer(start: buffer, count: count))
  }

  /// The bytes of an indirect stream as they are in the file.
  package func stored(_ id: ObjectID) -> [UInt8]? {
    defer { releaseObjects() }
    let stream = object(id)
    return isStream(stream) ? stored(stream) : nil
  }

  /// What an image becomes. All that is not named here stays as it was.
  package struct NewImage: Sendable, Equatable {
    /// Pixels in a row.
    package var width: Int
    /// Rows.
    package var height: Int
    /// The stream's bytes.
    package var bytes: [UInt8]
    /// The filter's name, with its slash.
    package var filter: String
    /// The filter's parameters as PDF has them, like `<< /K -1 >>`.
    package var parameters: String?
    /// A new colour space, with its slash.
    package var colourSpace: String?
    /// Bits of a sample, where they are others than before.
    package var bits: Int?
    /// What the samples 0 and 1 stand for, where that is not 0 and 1.
    package var decode: [Double]?

    package init(
      width: Int, height: Int, bytes: [UInt8], filter: String, parameters: String? = nil,
      colourSpace: String? = nil
    ) {
      self.width = width
      self.height = height
      self.bytes = bytes
      self.filter = filter
      self.parameters = parameters
      self.colourSpace = colourSpace
    }
  }

  package func replace(_ id: ObjectID, with image: NewImage) throws(PDFError) {
    defer { releaseObjects() }
    let stream = object(id)
    let dictionary = dictionary(stream)
    func set(_ key: String, _ value: Object) {
      qpdf_oh_replace_key(handle, dictionary, key, value)
    }
    set("/Width", qpdf_oh_new_integer(handle, Int64(image.width)))
    set("/Height", qpdf_oh_new_integer(handle, Int64(image.height)))
    if let space = image.colourSpace {
      set("/ColorSpace", qpdf_oh_new_name(handle, space))
      qpdf_oh_remove_key(handle, dictionary, "/Decode")
    }
    if let bits = image.bits { set("/BitsPerComponent", qpdf_oh_new_integer(handle, Int64(bits))) }
    if let decode = image.decode {
      let array = qpdf_oh_new_array(handle)
      for value in decode {
        qpdf_oh_append_item(handle, array, qpdf_oh_new_real_from_double(handle, value, 5))
      }
      set("/Decode", array)
    }
    let parameters = image.parameters.map { qpdf_oh_parse(handle, $0) }
    qpdf_oh_replace_stream_data(
      handle, stream, image.bytes, image.bytes.count, qpdf_oh_new_name(handle, image.filter),
      parameters ?? qpdf_oh_new_null(handle))
    try check("replace an image")
  }

  /// The numbers of all objects, as far as they are looked at.
  var objectNumbers: Range<Int32> {
    let size = integer(member("/Size", of: qpdf_get_trailer(handle))) ?? 0
    return 1..<Int32(clamping: max(2, min(size, Self.maximumObjects)))
  }

  private static let maximumObjects = 200_000

  /// Deflates again each stream that is deflated and holds at most `limit` bytes, but for `done`; keeps the smaller.
  /// Predictors are not touched.
  package func deflateStreams(limit: Int, but done: Set<ObjectID> = []) throws(PDFError) {
    for number in objectNumbers where !done.contains(ObjectID(number: number)) {
      defer { releaseObjects() }
      let stream = object(ObjectID(number: number))
      guard isStream(stream) else { continue }
      let dictionary = dictionary(stream)
      let filter = member("/Filter", of: dictionary)
      let name = count(filter) == 1 ? element(0, of: filter) : filter
      let type = member("/Type", of: dictionary)
      guard isName(name, "/FlateDecode"), !isName(type, "/XRef"), !isName(type, "/ObjStm"),
        let old = stored(stream), let content = Flate.inflate(old, limit: limit),
        let new = Flate.deflate(content), new.count < old.count
      else { continue }
      qpdf_oh_replace_stream_data(
        handle, stream, new, new.count, filter, member("/DecodeParms", of: dictionary))
    }
    try check("deflate streams")
  }
}
