import Index
import Store
import Testing

@testable import validate

@Suite("What a document's row and its object say of each other")
struct ComparisonTests {
  private let row = StoredRow(
    id: 1, url: "gs://b/1", bytes: 10, sha256: "ab", md5: "cd", completedAt: 5)

  private func listed(
    _ bytes: Int = 10, md5: String? = nil, noted: String? = nil, changedAt: Int64? = nil
  ) -> ListedObject {
    ListedObject(
      url: "gs://b/1", bytes: bytes, md5: md5, recordedSHA256: noted, changedAt: changedAt)
  }

  private func kind(_ comparison: Comparison) -> Difference.Kind? {
    if case .different(let kind, _) = comparison { return kind }
    return nil
  }

  @Test func byTheListing() {
    #expect(kind(Comparison(row, listed(9, md5: "cd"))) == .wrongSize)
    #expect(Comparison(row, listed(md5: "cd")) == .same)
    // An ETag may be no MD5, so this is looked into.
    #expect(Comparison(row, listed(md5: "ef")) == .open)
    // A note beside an object does not overrule what the store says of its bytes.
    #expect(Comparison(row, listed(md5: "ef", noted: "ab")) == .open)
    #expect(Comparison(row, listed(noted: "ab")) == .same)
    #expect(Comparison(row, listed(noted: "xx")) == .open)
    #expect(Comparison(row, listed(changedAt: 5)) == .same)
    #expect(Comparison(row, listed(changedAt: 6)) == .open)
    #expect(Comparison(row, listed()) == .open)
    // Older software recorded nothing but the place.
    let bare = StoredRow(id: 1, url: "gs://b/1")
    #expect(Comparison(bare, listed(7, changedAt: 6)) == .same)
  }

  @Test func byTheObject() {
    #expect(kind(Comparison(row, nil)) == .missing)
    #expect(kind(Comparison(row, ObjectInfo(bytes: 9, sha256: "ab"))) == .wrongSize)
    #expect(Comparison(row, ObjectInfo(bytes: 10, sha256: "ab", md5: "ef")) == .same)
    #expect(kind(Comparison(row, ObjectInfo(bytes: 10, sha256: "ff"))) == .wrongChecksum)
    #expect(kind(Comparison(row, ObjectInfo(bytes: 10, md5: "ef"))) == .wrongChecksum)
    #expect(Comparison(row, ObjectInfo(bytes: 10, recordedSHA256: "ab")) == .open)
  }

  @Test func twoDocumentsOfOneURL() {
    let other = StoredRow(id: 2, url: "gs://b/1", bytes: 10, sha256: "ff")
    let info = ObjectInfo(bytes: 10, sha256: "ab")
    let differences = Difference.among([row, other], info)
    #expect(differences.map(\.kind) == [.shared] && differences[0].id == "2")
    #expect(Difference.among([row, other], nil).map(\.kind) == [.missing, .missing])
    #expect(Difference.among([row, row], info).isEmpty)
  }
}
