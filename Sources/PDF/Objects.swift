import CQPDF

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

  /// What tells one indirect object from another; 0 for direct ones.
  func identity(_ object: Object) -> Int {
    Int(qpdf_oh_get_object_id(handle, object)) << 16
      | Int(qpdf_oh_get_generation(handle, object)) & 0xFFFF
  }
}
