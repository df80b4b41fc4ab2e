import Common

/// What to do about a refusal of Google Cloud Storage.
extension GoogleService {
  func advice(_ cause: StoreCause, _ answer: Answer, _ purpose: Purpose) -> String {
    switch cause {
    case .expired, .unknownKey, .wrongSecret:
      "check the key file that GOOGLE_APPLICATION_CREDENTIALS names"
    case .clock:
      "this machine's clock is wrong\(ClockSkew(answer).map { " (\($0))" } ?? ""). Set it, for "
        + "instance with timedatectl set-ntp true, then run the same command again"
    case .permission:
      switch purpose {
      case .objects:
        "give the account the role Storage Object User (roles/storage.objectUser) on \(bucket.root)"
      case .bucket:
        "give the account the role Storage Admin (roles/storage.admin) on the project, or make the "
          + "bucket"
      }
    case .account:
      "the project or its billing account cannot be used as it is. Look into the Google Cloud console "
        + "for a suspension, a disabled service or an unpaid bill"
    case .requesterPays:
      "the bucket makes the requester pay. Name a project that pays in GOOGLE_CLOUD_QUOTA_PROJECT"
    case .quota: "a quota is reached. Raise it, or wait, then run the same command again"
    case .encryptionKey:
      "the Cloud KMS key of the bucket cannot be used. Enable it, and let the service agent of Cloud "
        + "Storage use it"
    case .policy:
      "a policy of the organization forbids it. Ask its administrator"
    case .storageClass:
      "there is no storage class\(settings.storageClass.map { " \($0)" } ?? ""). Correct "
        + "--storage-class (STANDARD, NEARLINE, COLDLINE, ARCHIVE), or leave it out"
    case .preconditions, .notImplemented:
      "the store does not know something that was asked for. Try upload --check with --preconditions "
        + "off"
    case .region, .foreign:
      "this is not an answer of Google's storage service. Check STORAGE_EMULATOR_HOST, a proxy, and "
        + "whether the network wants a log-in"
    case .unknown: "no document is to blame. Check the store with upload --check"
    }
  }
}
