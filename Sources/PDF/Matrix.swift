import Glibc

/// A transformation of coordinates (ISO 32000-1, 8.3.3).
public struct Matrix: Sendable, Equatable {
  var a, b, c, d, e, f: Double

  /// Changes nothing.
  public static let identity = Matrix(1, 0, 0, 1, 0, 0)

  /// `[a b c d e f]`.
  public init(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ e: Double, _ f: Double) {
    (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
  }

  init?(_ numbers: some Collection<Double>) {
    let n = Array(numbers)
    guard n.count == 6 else { return nil }
    self.init(n[0], n[1], n[2], n[3], n[4], n[5])
  }

  /// First this one, then `other`.
  func then(_ other: Matrix) -> Matrix {
    Matrix(
      a * other.a + b * other.c, a * other.b + b * other.d,
      c * other.a + d * other.c, c * other.b + d * other.d,
      e * other.a + f * other.c + other.e, e * other.b + f * other.d + other.f)
  }

  /// How large the unit square becomes, which is what an image is drawn on (8.9.5.1).
  public var unitSquare: DrawnSize { DrawnSize(width: hypot(a, b), height: hypot(c, d)) }
}

/// How large an image is drawn, in points.
public struct DrawnSize: Sendable, Equatable {
  /// Along its rows.
  public var width: Double
  /// Along its columns.
  public var height: Double

  /// A size.
  public init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

  /// The larger of each side.
  func union(_ other: DrawnSize) -> DrawnSize {
    DrawnSize(width: max(width, other.width), height: max(height, other.height))
  }
}
