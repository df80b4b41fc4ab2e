import CQPDF

/// What libqpdf, or the system, says against a PDF. Holds no content of the file.
package struct PDFError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of trouble it is.
  package enum Kind: Sendable, Equatable {
    /// The file cannot be read or written; the `errno`, where it is known.
    case system(Int32?)
    /// It opens only with a password.
    case password
    /// It is not a whole, well-formed PDF.
    case damaged
    /// It needs something that libqpdf does not have.
    case unsupported
    /// A defect, or no memory.
    case `internal`
  }

  /// What kind of trouble it is.
  package let kind: Kind
  package let doing: String
  /// What was wrong, as libqpdf says it, with its position in the file.
  package let message: String

  /// `open: can't find startxref`.
  package var description: String { "\(doing): \(message)" }

  init(_ kind: Kind, _ doing: String, _ message: String) {
    self.kind = kind
    self.doing = doing
    self.message = message
  }

  /// An error or a warning that `document` reports.
  init(_ error: qpdf_error, of document: qpdf_data, _ doing: String) {
    kind =
      switch qpdf_get_error_code(document, error) {
      case qpdf_e_system: .system(nil)
      case qpdf_e_password: .password
      case qpdf_e_damaged_pdf, qpdf_e_pages, qpdf_e_object: .damaged
      case qpdf_e_unsupported: .unsupported
      default: .internal
      }
    self.doing = doing
    let detail = qpdf_get_error_message_detail(document, error).map { String(cString: $0) } ?? ""
    let place = qpdf_get_error_file_position(document, error)
    message = place > 0 ? "\(detail) (at byte \(place))" : detail
  }
}
