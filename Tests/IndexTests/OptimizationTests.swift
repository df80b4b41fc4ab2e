import Common
import Index
import Testing

@Suite("What a record says of optimize")
struct OptimizationTests {
  @Test(
    "Outcomes, reasons and sizes",
    arguments: [
      (#"{"method":"images/ebook","bytes":9}"#, Optimization(.images)),
      (#"{"method":"images/lossless","repaired":true}"#, Optimization(.repaired)),
      (#"{"method":"ghostscript/ebook","bytes":9}"#, Optimization(.ghostscript)),
      (
        #"{"method":"original","reason":"the file is signed"}"#,
        Optimization(.kept, reason: "the file is signed")
      ),
      (
        #"""
        {"method":"images/ebook","bytes":9,
         "rejected":{"engine":"ghostscript","reason":"a page of the result looks different","bytes":5}}
        """#,
        Optimization(.images, reason: "a page of the result looks different", rejectedBytes: 5)
      ),
      (
        #"{"method":"original","bytes":9,"reason":"4711","rejected":{"bytes":9}}"#,
        Optimization(.kept, reason: "other")
      ),
      (
        #"{"method":"original","bytes":9,"reason":5,"rejected":{"bytes":-9}}"#, Optimization(.kept)
      ),
      (#"{"method":"recompress"}"#, nil), (#"{"method":""}"#, nil), (#"{"dry_run":true}"#, nil),
      ("7", nil), ("null", nil),
    ] as [(String, Optimization?)])
  func record(_ member: String, _ wanted: Optimization?) throws {
    let record = DocumentRecord(
      id: "1", fields: ["optimize": try JSON(parsing: Array(member.utf8))])
    #expect(Optimization(record) == wanted)
  }

  @Test("Without optimize in the pipeline nothing is known")
  func nothing() { #expect(Optimization(DocumentRecord(id: "1", fields: [:])) == nil) }

  @Test("Reasons are plain, distinct and short")
  func reasons() {
    for reason in RejectionReason.allCases {
      #expect(!reason.rawValue.contains(":") && reason.rawValue.count <= 60)
    }
  }
}
