import ArgumentParser

/// Options of the end of the pipeline that stand for themselves.
struct PipelineOptions: ParsableArguments {
  @Option(help: "Read this share of the objects back and hash them, like 5%; always the same ones.")
  var readData: String?

  @Option(help: "Keep this file up to date for the text collector of Prometheus' node exporter.")
  var metricsFile: String?

  var sample: Sample? { readData.flatMap(Sample.init) }

  func check() throws {
    if let readData, sample == nil {
      throw ValidationError("--read-data is a share from 0% to 100%, like 5%, and is \(readData).")
    }
    if metricsFile?.isEmpty == true { throw ValidationError("--metrics-file has to be a path.") }
  }
}
