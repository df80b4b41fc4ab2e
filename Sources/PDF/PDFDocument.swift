import CQPDF

/// A PDF as libqpdf reads it, without repairs unless they are asked for: what opens only after a
/// reconstruction does not open here. Owns the library's handle; belongs to one thread.
package struct PDFDocument: ~Copyable {
  let handle: qpdf_data
  /// libqpdf reads bytes from where they are; they must live as long as the handle.
  private let memory: UnsafeMutableBufferPointer<CChar>?

  /// Opens the file at `path`. With `repairing`, libqpdf looks for the objects where its tables are wrong:
  /// what readers tolerate opens too, and ``complaint()`` says what that was.
  package init(path: String, repairing: Bool = false) throws(PDFError) {
    let handle = try Self.makeHandle(repairing: repairing)
    do throws(PDFError) {
      try Self.check(handle, qpdf_read(handle, path, nil), "open")
    } catch {
      Self.free(handle)
      throw error
    }
    self.handle = handle
    memory = nil
  }

  /// Opens a PDF that is in memory.
  package init(bytes: some Collection<UInt8>, repairing: Bool = false) throws(PDFError) {
    let handle = try Self.makeHandle(repairing: repairing)
    let memory = UnsafeMutableBufferPointer<CChar>.allocate(capacity: max(1, bytes.count))
    _ = memory.initialize(from: bytes.lazy.map { CChar(bitPattern: $0) })
    do throws(PDFError) {
      let code = qpdf_read_memory(
        handle, "memory", memory.baseAddress, UInt64(bytes.count), nil)
      try Self.check(handle, code, "open")
    } catch {
      Self.free(handle)
      memory.deallocate()
      throw error
    }
    self.handle = handle
    self.memory = memory
  }

  /// A PDF without pages, to add some to.
  init() throws(PDFError) {
    let handle = try Self.makeHandle()
    do throws(PDFError) {
      try Self.check(handle, qpdf_empty_pdf(handle), "create")
    } catch {
      Self.free(handle)
      throw error
    }
    self.handle = handle
    memory = nil
  }

  deinit {
    Self.free(handle)
    memory?.deallocate()
  }

  /// A handle that prints nothing and repairs nothing unless asked to.
  private static func makeHandle(repairing: Bool = false) throws(PDFError) -> qpdf_data {
    guard let handle = qpdf_init() else { throw PDFError(.internal, "open", "no memory") }
    qpdf_silence_errors(handle)
    qpdf_set_suppress_warnings(handle, 1)
    qpdf_set_attempt_recovery(handle, repairing ? 1 : 0)
    return handle
  }

  private static func free(_ handle: qpdf_data) {
    var handle: qpdf_data? = handle
    qpdf_cleanup(&handle)
  }

  /// Throws where a call's code, or the error that the call left, says that it failed.
  static func check(
    _ handle: qpdf_data, _ code: QPDF_ERROR_CODE = 0, _ doing: String
  ) throws(PDFError) {
    // Without qpdf_get_error, the error of this call would be taken for one of the next.
    if qpdf_has_error(handle) != 0, let error = qpdf_get_error(handle) {
      throw PDFError(error, of: handle, doing)
    }
    if code & qpdfErrors != 0 { throw PDFError(.internal, doing, "libqpdf gives no reason") }
  }

  /// `QPDF_ERRORS`, a macro that Swift does not see.
  private static let qpdfErrors: QPDF_ERROR_CODE = 1 << 1

  /// Throws where the last calls failed.
  func check(_ doing: String) throws(PDFError) { try Self.check(handle, 0, doing) }

  /// Whether it is encrypted, even with an empty password.
  package var isEncrypted: Bool { qpdf_is_encrypted(handle) != 0 }

  /// The pages that the page tree really has, whatever its `/Count` claims. Throws where the tree
  /// has a loop.
  package func pageCount() throws(PDFError) -> Int {
    let count = qpdf_get_num_pages(handle)
    try check("count the pages")
    guard count >= 0 else { throw PDFError(.damaged, "count the pages", "no page tree") }
    return Int(count)
  }

  /// The first of libqpdf's warnings since the last call, `nil` where all was in
  /// order. Only what was looked at counts: objects are read when they are needed.
  package func complaint() -> PDFError? {
    var first: PDFError?
    while qpdf_more_warnings(handle) != 0, let warning = qpdf_next_warning(handle) {
      first = first ?? PDFError(warning, of: handle, "read")
    }
    return first
  }

  /// The first of the warnings since the last call that says that an object became null: libqpdf had no memory
  /// for it, or it is nested deeper than libqpdf follows. No repair brings that back.
  package func lostObject() -> PDFError? {
    var first: PDFError?
    while qpdf_more_warnings(handle) != 0, let warning = qpdf_next_warning(handle) {
      let error = PDFError(warning, of: handle, "read")
      let isLoss = Self.losses.contains { error.message.contains($0) }
      first = first ?? (isLoss ? error : nil)
    }
    return first
  }

  /// As QPDF.cc and QPDFParser.cc say it, from 11.3 to 12.4.
  private static let losses = [
    "bad_alloc", "error reading object", "excessively deeply nested", "giving up on reading object",
  ]
}

/// Objects of a document, as far as we look at them. Each handle counts until it is released, which
/// ``releaseObjects()`` does for all.
extension PDFDocument {
  typealias Object = qpdf_oh

  func releaseObjects() { qpdf_oh_release_all(handle) }

  /// A member of a dictionary; the null object for anything else.
  ///
  /// libqpdf is not asked for what is no dictionary (nor, below, for what is no array): it would warn of our own
  /// question, which would pass for damage (`qpdf_oh_get_key_if_dict` expects a dictionary or null).
  func member(_ name: String, of object: Object) -> Object {
    isDictionary(object) ? qpdf_oh_get_key(handle, object, name) : qpdf_oh_new_null(handle)
  }

  func isDictionary(_ object: Object) -> Bool { qpdf_oh_is_dictionary(handle, object) != 0 }

  func isNull(_ object: Object) -> Bool { qpdf_oh_is_null(handle, object) != 0 }

  func isName(_ object: Object, _ name: String) -> Bool {
    qpdf_oh_is_name_and_equals(handle, object, name) != 0
  }

  /// The number of elements, 0 for what is no array.
  func count(_ object: Object) -> Int {
    qpdf_oh_is_array(handle, object) != 0 ? Int(qpdf_oh_get_array_n_items(handle, object)) : 0
  }

  func element(_ index: Int, of array: Object) -> Object {
    (0..<count(array)).contains(index)
      ? qpdf_oh_get_array_item(handle, array, Int32(clamping: index)) : qpdf_oh_new_null(handle)
  }

  func number(_ object: Object) -> Double? {
    var value = 0.0
    return qpdf_oh_get_value_as_number(handle, object, &value) != 0 && value.isFinite ? value : nil
  }

  func integer(_ object: Object) -> Int? {
    var value: Int64 = 0
    return qpdf_oh_get_value_as_longlong(handle, object, &value) != 0 ? Int(value) : nil
  }

  /// The number of an indirect object; 0 for direct ones.
  func identity(_ object: Object) -> Int {
    Int(qpdf_oh_get_object_id(handle, object)) << 16
      | Int(qpdf_oh_get_generation(handle, object)) & 0xFFFF
  }

  /// Whether an object was not met before in this role. What is part of another object has no number, and is new each
  /// time: each way back into what was seen leads through an object with a number, be it a mere list.
  func isNew(_ object: Object, _ seen: inout SeenObjects, as role: String = "") -> Bool {
    let number = identity(object)
    return number == 0 || seen.insert(number, role)
  }
}

/// The objects that a walk through a document has met, each in a role: one dictionary may serve as two things. A walk
/// that asks of each that has a number whether it is new comes to an end, in time that the file's size bounds.
struct SeenObjects {
  private var numbers: [String: Set<Int>] = [:]
  /// How many there are.
  private(set) var count = 0

  /// False for one that is there already.
  mutating func insert(_ number: Int, _ role: String) -> Bool {
    let isNew = numbers[role, default: []].insert(number).inserted
    count += isNew ? 1 : 0
    return isNew
  }
}
