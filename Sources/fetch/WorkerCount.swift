import ArgumentParser

/// The argument of `--workers`: a number, or `auto`.
enum WorkerCount: ExpressibleByArgument, Equatable {
  case fixed(Int)
  case auto

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
    } else if let number = Int(argument), (1...256).contains(number) {
      self = .fixed(number)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] { [] }
}
