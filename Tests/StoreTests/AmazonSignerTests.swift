import Common
import Crypto
import Support
import Testing

@testable import Store

/// Our signatures against botocore's, which is what Amazon's own tools sign with: the emulator checks
/// none.
@Suite("Signatures for S3")
struct AmazonSignerTests {
  private static let names = [
    "key.pdf", "a b.pdf", "a  b/c d", "it's \"quoted\".pdf", "é/日本語 🗂.pdf", "a+b=c&d.pdf",
    "~root/x~y",
    "100%.pdf", "%2F%20", "a?b#c", "(x)[y]{z}!*;:@,$", "-_.~", ".../x", "<&>", "a|b^c`d",
  ]

  private static let requests: [AmazonSigner.Subject] =
    names.flatMap { name in
      let path = AmazonSigner.encodedPath("bucket/" + name)
      func subject(
        _ method: String, _ query: [(name: String, value: String)] = [],
        _ headers: [(name: String, value: String)] = [], _ body: String = ""
      ) -> AmazonSigner.Subject {
        .init(
          method: method, host: "s3.example.org:9000", path: path, query: query,
          headers: headers, bodySHA256: body)
      }
      return [
        subject("HEAD"), subject("POST", [("uploads", "")]),
        subject(
          "PUT", [],
          [
            ("Content-Type", "application/pdf"), ("If-None-Match", "*"),
            ("Content-MD5", "kAFQmDzST7DWlj99KOF/cg=="),
            ("x-amz-meta-document_type", "DEED OF  TRUST \"T\""), ("x-amz-meta-book", "285"),
            ("Cache-Control", "private, max-age=60"), ("x-amz-storage-class", "STANDARD_IA"),
          ], "the document"),
        subject(
          "PUT", [("partNumber", "10"), ("uploadId", "a+b/c=~d e.é")],
          [("Content-MD5", "kAFQmDzST7DWlj99KOF/cg==")], "part"),
        subject(
          "POST", [("uploadId", "x")], [("If-Match", "\"abc-2\""), ("Content-Type", "text/xml")],
          "<Complete/>"),
        subject("DELETE", [("uploadId", "x")]),
        subject(
          "PUT", [("lifecycle", "")],
          [("Content-MD5", "kAFQmDzST7DWlj99KOF/cg=="), ("Content-Type", "application/xml")],
          AmazonStore.lifecycle),
      ]
    } + [
      .init(
        method: "GET", host: "bucket.s3.eu-west-1.amazonaws.com", path: "/",
        query: [
          ("prefix", "documents/é b+~"), ("list-type", "2"), ("delimiter", "/"), ("max-keys", "10"),
          ("continuation-token", "1/a+b=="),
        ], bodySHA256: "")
    ]

  @Test(arguments: [nil, "canary-token/+=="])
  func agreeWithBotocore(_ token: String?) throws {
    let python = try Python("sign.py", [])
    let region = "eu-west-1"
    let time = "20261123T183035Z"
    let signer = AmazonSigner(
      credentials: AmazonCredentials(
        accessKey: "AKIDEXAMPLE", secretKey: Secret("canary-secret"),
        sessionToken: token.map(Secret.init)), region: region)
    for request in Self.requests {
      // The table has the body itself where a request has its hash.
      let body = request.bodySHA256
      func pairs(_ list: [(name: String, value: String)]) -> JSON {
        .array(list.map { .array([.string($0.name), .string($0.value)]) })
      }
      python.write(
        JSON.object([
          "method": .string(request.method), "host": .string(request.host),
          "path": .string(request.path), "query": pairs(request.query),
          "headers": pairs(request.headers), "body": .string(body), "time": .string(time),
          "region": .string(region), "token": token.map(JSON.string) ?? .null,
        ]).description)
      var subject = request
      subject.bodySHA256 = Digest.sha256(body.utf8)
      let headers = signer.headers(for: subject, at: time)
      let ours = headers.first { $0.name == "Authorization" }?.value
      let theirs = try JSON(parsing: try python.line())["authorization"]?.string
      #expect(ours == theirs, "\(request.method) \(request.path) \(request.query)")
      #expect(!headers.contains { $0.value.contains("canary-secret") })
    }
  }

  @Test func timesAreAsSignaturesHaveThem() {
    #expect(AmazonSigner.time(1_795_458_635_999_000_000) == "20261123T183035Z")
  }

  @Test(arguments: [
    ("plain \"text\"", "plain \"text\""), ("é", "=?UTF-8?B?w6k=?="), ("a\nb", "=?UTF-8?B?YQpi?="),
    (" a", "=?UTF-8?B?IGE=?="),
  ])
  func metadataFitIntoHeaders(_ value: String, _ expected: String) {
    #expect(AmazonStore.fieldValue(value) == expected)
  }

  @Test func textOfXML() {
    let xml = XMLText(Array("<E><Code>A&amp;lt;&lt;</Code><Key/></E>".utf8))
    #expect(xml.first("Code") == "A&lt;<")
    #expect(xml.first("Key") == nil)
    #expect(XMLText(Array("<Code>x".utf8)).first("Code") == nil)
  }
}
