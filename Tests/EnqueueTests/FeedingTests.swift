import Common
import Config
import Files
import Index
import Support
import Testing

@testable import enqueue

/// What the feeder decides, without an index.
@Suite struct FeedingTests {
  private func lease(_ id: Int, mark: String = "aaaaaaaaaaaaaaaa") -> Lease {
    Lease(id: String(id), token: mark + "000000000000000\(id)")
  }

  @Test func onlyWhatWasHandedOutIsRenewed() {
    let ledger = Ledger()
    ledger.handOut([lease(1), lease(2)])
    #expect(Set(ledger.renewable()) == [lease(1), lease(2)])
    // A claim that the server made after its client was cut off: nobody knows its tokens.
    let late = lease(3, mark: "bbbbbbbbbbbbbbbb")
    let (orphans, isOlderCopy) = ledger.orphans(among: [lease(1), lease(2), late])
    #expect(orphans == [late])
    #expect(!isOlderCopy)
    #expect(!ledger.hasDoubtful)
    #expect(Set(ledger.renewable()) == [lease(1), lease(2)])
    ledger.forget([lease(1)])
    #expect(ledger.renewable() == [lease(2)])
  }

  /// What is settled and in progress again, with its old token, comes from an older copy of the index.
  @Test func anOlderCopyIsNoticed() {
    let ledger = Ledger()
    ledger.handOut([lease(1), lease(2)])
    ledger.forget([lease(1)])
    let (orphans, isOlderCopy) = ledger.orphans(among: [lease(1), lease(2)])
    #expect(orphans == [lease(1)])
    #expect(isOlderCopy)
    // It may have been settled since the copy was made: left to run out, and not an orphan.
    #expect(ledger.renewable().isEmpty)
    #expect(ledger.hasDoubtful)
    #expect(ledger.orphans(among: [lease(2)]).leases.isEmpty)
    // What is claimed from then on is renewed.
    ledger.handOut([lease(3)])
    #expect(ledger.renewable() == [lease(3)])
    ledger.forget([lease(2)])
    #expect(!ledger.hasDoubtful)
  }

  @Test func nothingIsRenewedForEver() {
    let ledger = Ledger()
    ledger.handOut([lease(1)], now: 0)
    let end = Int64(Ledger.longest * 1e9)
    #expect(ledger.renewable(now: end - 1) == [lease(1)])
    #expect(ledger.renewable(now: end).isEmpty)
  }

  @Test(arguments: [(100, 10, [10, 20, 40, 80, 100, 100]), (3, 10, [3, 3]), (1, 0, [1, 1])])
  func claimsGrow(maximum: Int, first: Int, expected: [Int]) {
    var size = ClaimSize(maximum: maximum, first: first)
    var seen: [Int] = []
    for _ in expected {
      seen.append(size.next)
      size.grow()
    }
    #expect(seen == expected)
  }

  /// Alone until 32 have ended well, then more and more; what is claimed has not ended yet.
  @Test func quarantineOpens() {
    var width = QuarantineWidth(maximum: 10)
    for _ in 1...32 {
      #expect(width.next == 1)
      width.claimed(1)
    }
    #expect(width.next == 1)
    var seen: [Int] = []
    for _ in 1...5 {
      width.claimed(width.next)
      seen.append(width.next)
    }
    #expect(seen == [2, 4, 8, 10, 10])
  }

  @Test func aBlockageIsWaitedOutLongerAndLonger() {
    var blockage = Blockage()
    #expect(!blockage.isSecondTry)
    let pauses = (1...12).map { _ in blockage.next() }
    #expect(zip(pauses, pauses.dropFirst()).allSatisfy { $1 == min($0 * 2, Blockage.longestPause) })
    #expect(pauses.last == Blockage.longestPause)
    #expect(blockage.isWorthAWord)
    var second = Blockage()
    _ = second.next()
    #expect(second.isSecondTry)
    #expect(!second.isWorthAWord)
  }

  private func records(_ ids: ClosedRange<Int>) -> [DocumentRecord] {
    ids.map { DocumentRecord(id: String($0), fields: ["id": .string(String($0))]) }
  }

  @Test func aLimitCountsDocumentsOnce() {
    var selection = Selection()
    selection.limit = 5
    var shares = Shares(selection)
    let first = shares.next(3)
    #expect(first.count == 3)
    shares.count(records(1...3), first)
    let second = shares.next(3)
    #expect(second.count == 2)
    shares.count(records(3...4), second)
    #expect(!shares.isReached)
    #expect(shares.left == 1)
    shares.count(records(5...5), shares.next(3))
    #expect(shares.isReached)
    // Its own come back.
    #expect(shares.next(3).count == 3)
  }

  @Test func aLimitIsSpread() {
    var selection = Selection()
    selection.books = [1...49, 238...299, 500...501]
    selection.limit = 20
    selection.spreads = true
    #expect(selection.parts.map(\.limit) == [7, 7, 6])
    var shares = Shares(selection)
    let first = shares.next(100)
    #expect(first.count == 7)
    #expect(first.selection.books == [1...49])
    shares.count(records(1...7), first)
    let second = shares.next(100)
    #expect(second.selection.books == [238...299])
    let isMore = shares.exhaust(second)
    #expect(isMore)
    let third = shares.next(100)
    #expect(third.count == 6)
    shares.count(records(8...13), third)
    // What one did not have, the others give.
    let rest = shares.next(100)
    #expect(rest.count == 7)
    #expect(rest.selection.books.count == 3)
    let isAnyLeft = shares.exhaust(rest)
    #expect(!isAnyLeft)
  }

  /// The system's reason, and not that of a write to what could not be opened.
  @Test func aStateFolderThatTakesNoFileIsTold() throws {
    let folder = try TemporaryDirectory()
    // So long that the folder can be made, and no file in it (PATH_MAX).
    var path = folder.path
    while path.utf8.count < 4080 { path += "/" + String(repeating: "d", count: 100) }
    path = String(path.prefix(4090))
    let error = #expect(throws: Fatal.self) {
      try StateOwner(folder: path, index: "sqlite:index.db").claim()
    }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.contains("File name too long") == true, "\(error?.message ?? "")")
    try StateOwner(folder: "\(folder.path)/state", index: "sqlite:index.db").claim()
    #expect(Folders.names(in: "\(folder.path)/state") == ["index"])
  }
}
