import Glibc

/// The limit on the size of the files that this process writes (setrlimit(2), RLIMIT_FSIZE).
public enum FileSizeLimit {
  /// What to add to a library's error that does not tell its reason, where there is a limit; else nothing.
  public static var hint: String {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0,
      limit.rlim_cur != ~0
    else { return "" }
    return
      "; files may have \(Format.bytes(Int(clamping: limit.rlim_cur))) at most (ulimit -f): raise that"
  }
}
