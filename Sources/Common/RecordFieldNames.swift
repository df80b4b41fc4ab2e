/// The fields of a record that templates can name, as `enqueue` writes them.
public enum RecordFieldNames {
  /// In the order of the record.
  public static let all = [
    "id", "source", "gin", "instrument_number", "book_volume", "book", "page",
    "instrument_type_raw", "instrument_type_parsed", "document_type", "file_date", "num_pages",
    "download_priority", "attempt",
  ]

  /// What is wrong with the fields of a template, in words; `nil` where nothing is.
  ///
  /// - Parameters:
  ///   - extra: further names that are known.
  ///   - isClosed: whether records have no other fields. Where they may, only a name that is almost one of
  ///     those known is taken for a slip.
  public static func objection(
    to template: Template, extra: [String] = [], isClosed: Bool = false
  ) -> String? {
    let known = all + extra
    for field in template.fields where !known.contains(field) {
      let nearest = NearestName.of(field, among: known)
      if let nearest { return "{\(field)} names no field of a record; {\(nearest)} is one" }
      if isClosed {
        return "{\(field)} names no field of a record; there are \(known.joined(separator: ", "))"
      }
    }
    return nil
  }
}
