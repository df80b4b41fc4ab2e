import Files
import Common
import Crypto
import Glibc

/// Whose fault a failed call on a file is: the document's, or this machine's (promise P12).
extension FileError {
  /// The failure of a call on the store.
  var atDestination: any Error {
    switch code {
    case ENOSPC, EDQUOT: fatal("free some space there, then run the same command again")
    case EROFS: fatal("it is mounted read-only")
    case EFBIG: fatal("the limit on the size of files is too low (ulimit -f), or the file system's")
    case EMFILE, ENFILE: fatal("raise the limit (ulimit -n), or lower --workers")
    case ESTALE, ENOTCONN, ENODEV, EHOSTDOWN, EHOSTUNREACH, ETIMEDOUT:
      fatal("the file system is away. Mount it again, then run the same command again")
    case EIO: fatal("the disk, or the way to it, has a fault: see the kernel's log")
    case EACCES, EPERM:
      Fatal(.permission, "\(self): the store must be writable for this user")
    case ENAMETOOLONG: RecordError(.storeRejected, description)
    case ENOTDIR, EISDIR, ELOOP, ENXIO:
      RecordError(
        .storeConflict,
        "\(self): something that upload did not write is in the document's place")
    default: Fatal(.inputOutput, description)
    }
  }

  /// The failure of a call on a document's own file.
  var atSource: any Error {
    switch code {
    case EMFILE, ENFILE: fatal("raise the limit (ulimit -n), or lower --workers")
    case EINVAL:
      RecordError(
        .invalidRecord, "cannot use \(Format.quoted(path)): it is not a regular file on a disk")
    case EXDEV:
      RecordError(.invalidRecord, "cannot use \(Format.quoted(path)): it is outside of --root")
    case EBUSY: RecordError(.local, "\(path) grew while it was read")
    default: RecordError(.local, description)
    }
  }

  private func fatal(_ advice: String) -> Fatal { Fatal(.inputOutput, "\(self): \(advice)") }
}
