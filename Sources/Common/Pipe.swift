import Glibc

/// Both ends of a pipe that no program started from here gets; `nil` where there is none to be had, and
/// `errno` says why.
public func makePipe() -> (reader: Int32, writer: Int32)? {
  var ends: [Int32] = [-1, -1]
  guard pipe(&ends) == 0 else { return nil }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}
