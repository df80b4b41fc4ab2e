import Common
import Testing

@Suite("What a line is")
struct RecordTests {
  private func line(_ source: String) -> InputLine {
    InputLine(bytes(source), number: 17, tool: "tester")
  }

  private func refusal(_ source: String) throws -> (JSON, isJSON: Bool) {
    guard case .invalid(let json, let isJSON) = line(source) else {
      throw RecordError(.internal, "\(source) was not refused")
    }
    return (json, isJSON)
  }

  @Test func aRecordKeepsItsFields() throws {
    let source = #"{"x":[1,{"y":9007199254740993}],"id":"7","book":285,"page":null,"note":"\n"}"#
    guard case .record(let record) = line(source) else {
      Issue.record("not read as a record")
      return
    }
    #expect(record.id == "7")
    #expect(record["book"]?.int == 285)
    #expect(record["page"] == nil)
    #expect(JSON.object(record.fields).description == source)
  }

  @Test(
    "Lines that are not JSON objects",
    arguments: ["", " ", "hello", "<html>", "{", #"{"id":"1""#, #"{"id":"1"}{"id":"2"}"#])
  func notJSON(_ source: String) throws {
    let (json, isJSON) = try refusal(source)
    #expect(!isJSON)
    #expect(json["error"]?["class"] == .string("invalid_record"))
  }

  @Test(
    "JSON that is not a record",
    arguments: [
      "null", "1", "[]", #""1""#, "{}", #"{"ID":"1"}"#, #"{"id":null}"#, #"{"id":1}"#,
      #"{"id":""}"#, #"{"id":["1"]}"#, #"{"id":"a\u0000b"}"#, #"{"id":"a\nb"}"#,
      #"{"id":"1","fetch":"x"}"#, #"{"id":"1","optimize":[]}"#, #"{"id":"1","upload":1}"#,
      #"{"id":"1","lease":true}"#, #"{"id":"1","fetch":null}"#, #"{"id":"1","book":"285"}"#,
      #"{"id":"1","page":1.5}"#, #"{"id":"1","attempt":1e99}"#,
      #"{"id":"1","instrument_number":9223372036854775808}"#,
      #"{"id":"\#(String(repeating: "9", count: 257))"}"#,
    ])
  func notARecord(_ source: String) throws {
    let (json, isJSON) = try refusal(source)
    #expect(isJSON)
    #expect(json["id"] == .null)
    #expect(json["line"] == .int(17))
    #expect(json["error"]?["class"] == .string("invalid_record"))
    #expect(json["error"]?["tool"] == .string("tester"))
    #expect(json["error"]?["retryable"] == .bool(false))
  }

  @Test func anIDMayHave256Bytes() {
    let id = String(repeating: "é", count: 128)
    guard case .record(let record) = line(#"{"id":"\#(id)"}"#) else {
      Issue.record("refused")
      return
    }
    #expect(record.id == id)
  }

  @Test func aRefusalShowsHowTheLineBegan() throws {
    let (json, _) = try refusal("nonsense " + String(repeating: "x", count: 5000))
    #expect(json["input"]?.string?.hasPrefix("nonsense xxx") == true)
    #expect(json["input"]?.string?.count == 200)
    #expect(json["error"]?["message"]?.string?.hasPrefix("line 17: ") == true)
  }

  @Test func aRefusalIsOneLineOfUTF8() throws {
    let garbage: [UInt8] = [0xFF, 0x00, 0x0D, 0x1B, 0x5B, 0x32, 0x4A] + bytes("é").dropLast()
    guard case .invalid(let json, _) = InputLine(garbage, number: 1, tool: "t") else {
      Issue.record("garbage was read")
      return
    }
    let written = json.serialized()
    #expect(try JSON(parsing: written) == json)
    #expect(!written.contains { $0 < 0x20 })
  }

  @Test func whatAnEarlierToolRefusedPassesThrough() throws {
    let (first, _) = try refusal("nonsense")
    let again = InputLine(first.serialized(), number: 3, tool: "later")
    guard case .invalid(let json, let isJSON) = again else {
      Issue.record("not passed through")
      return
    }
    #expect(isJSON)
    #expect(json == first)
  }

  @Test func aRecordWithAnErrorPassesThroughWithItsBytes() {
    let source = #"{ "id" : "1", "error" : {"class":"absent","message":"no"}, "x" : 1.00 }"#
    guard case .failed(let record, let line) = line(source) else {
      Issue.record("not recognised as failed")
      return
    }
    #expect(text(line) == source)
    #expect(record.error?.kind == .absent)
    #expect(record.error?.isRetryable == false)
  }

  @Test func anErrorThatIsNullIsNone() {
    guard case .record = line(#"{"id":"1","error":null}"#) else {
      Issue.record("taken for failed")
      return
    }
  }

  @Test(
    "Errors of plugins, read leniently",
    arguments: [
      (#"{"class":"no_such_class","message":"m"}"#, ErrorClass.internal, "m"),
      (#""out of ink""#, .internal, "out of ink"),
      (#"{"class":"absent"}"#, .absent, "no message"),
      ("{}", .internal, "no message"),
    ])
  func lenient(_ source: String, _ kind: ErrorClass, _ message: String) throws {
    let error = RecordError(json: try JSON(parsing: source))
    #expect(error.kind == kind)
    #expect(error.message == message)
    #expect(error.isRetryable == kind.isRetryable)
  }

  @Test("Every error class survives its way through a line", arguments: ErrorClass.allCases)
  func errorsSurvive(_ kind: ErrorClass) throws {
    let error = RecordError(
      tool: "fetch", kind, "what \"happened\"", isRetryable: true, counts: false)
    #expect(RecordError(json: try JSON(parsing: error.json.serialized())) == error)
  }

  @Test func messagesStayOnOneLine() {
    let error = RecordError(.internal, "a\nb\u{1B}[2J\u{202E}c")
    #expect(!error.message.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
  }
}
