/// A request. The URL is taken as it is; whether it may be asked for was decided before.
public struct Request: Sendable, Equatable {
  /// `GET`, `HEAD`, or a method that sends a body: `POST`, `PUT`, `DELETE`.
  public var method = "GET"
  /// What is sent with it; not with GET and HEAD.
  public var body = RequestBody()
  /// An absolute http or https URL.
  public var url: WebURL
  /// Further header fields, name and value.
  public var headers: [(name: String, value: String)] = []
  /// Which addresses may be connected to, after names were resolved.
  public var addresses = AddressRule.any

  /// A request without further headers.
  public init(_ url: WebURL, addresses: AddressRule = .any) {
    self.url = url
    self.addresses = addresses
  }

  /// Whether both ask for the same.
  public static func == (left: Request, right: Request) -> Bool {
    left.url == right.url && left.addresses == right.addresses
      && left.method == right.method && left.body == right.body
      && left.headers.elementsEqual(right.headers, by: ==)
  }
}

/// A finished exchange.
public struct Response: Sendable {
  /// Status and headers.
  public let head: ResponseHead
  /// Bytes of the body.
  public let bytes: Int
  /// The server's address, as numbers.
  public let address: String?
}

/// Takes a body as it arrives.
public protocol BodySink: AnyObject {
  /// The headers are there. False ends the transfer.
  func begin(_ head: ResponseHead) -> Bool
  /// More of the body is there. False ends the transfer.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool
}
