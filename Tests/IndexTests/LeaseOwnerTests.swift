import Common
import Glibc
import Testing

@testable import Index

@Suite struct LeaseOwnerTests {
  private let here = ProcessIdentity(
    number: 4711, start: 35_213, namespaces: [4_026_531_836, 4_026_531_834], boot: "7f0c")

  @Test func anOwnerIsReadAsItIsWritten() throws {
    let run = Run.here()
    let owner = try #require(LeaseOwner(run.owner))
    #expect(owner.host == LeaseOwner.thisHost)
    #expect(owner.process == ProcessIdentity.this)
    #expect(owner.process?.number == getpid())
    #expect(!owner.isDead)
    #expect(ProcessIdentity(here.description) == here)
  }

  /// What older software wrote does not say in which namespace the number counts: it is never judged.
  @Test(arguments: [
    "host/1/run", "\(LeaseOwner.thisHost)/2147483647/run", "\(LeaseOwner.thisHost)/4194304/run",
  ])
  func anOlderOwnerLivesUntilItsLeaseRunsOut(text: String) throws {
    let owner = try #require(LeaseOwner(text))
    #expect(owner.process == nil)
    #expect(!owner.isDead)
  }

  @Test(arguments: [
    "", "host", "host/run", "host/x/run", "host/-1/run", "host/1-2-3-4/run", "a/b/c/d",
  ])
  func whatIsNoOwnerIsNoOwner(text: String) { #expect(LeaseOwner(text) == nil) }

  @Test func aProcessIsJudgedOnlyFromItsOwnNamespaceAndBoot() throws {
    let this = try #require(ProcessIdentity.this)
    func identity(
      number: Int32? = nil, start: UInt64? = nil, namespaces: [UInt64]? = nil, boot: String? = nil
    ) -> ProcessIdentity {
      ProcessIdentity(
        number: number ?? this.number, start: start ?? this.start,
        namespaces: namespaces ?? this.namespaces, boot: boot ?? this.boot)
    }
    #expect(!this.isDead(seenFrom: this))
    // The number is another process's by now.
    #expect(identity(start: this.start + 1).isDead(seenFrom: this))
    // No process has this number: pid_max is at most 2^22 (proc(5)).
    #expect(identity(number: .max).isDead(seenFrom: this))
    for elsewhere in [
      identity(number: .max, namespaces: [1, this.namespaces[1]]),
      identity(number: .max, namespaces: [this.namespaces[0], 1]),
      identity(number: .max, boot: "another"), identity(start: 1, namespaces: [1, 1]),
    ] {
      #expect(!elsewhere.isDead(seenFrom: this))
    }
  }
}
