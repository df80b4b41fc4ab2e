import CCrypto

/// Signatures: what proves to a server that we hold a key, without showing it.
public enum Signing {
  /// HMAC with SHA-256 (RFC 2104).
  public static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &count)
    return Array(code.prefix(Int(count)))
  }

  /// RS256 (RFC 7518, section 3.3): PKCS #1 v1.5 over SHA-256, with a private key in PEM form. `nil`
  /// where the text is no private key of that kind; a password is never asked for.
  public static func rs256(_ message: [UInt8], privateKey pem: [UInt8]) -> [UInt8]? {
    guard let memory = BIO_new_mem_buf(pem, Int32(pem.count)) else { return nil }
    defer { BIO_free(memory) }
    // Without this callback, OpenSSL asks on the terminal for the password of an encrypted key.
    let key = PEM_read_bio_PrivateKey(memory, nil, { _, _, _, _ in -1 }, nil)
    guard let key else { return nil }
    defer { EVP_PKEY_free(key) }
    guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA, let context = EVP_MD_CTX_new() else {
      return nil
    }
    defer { EVP_MD_CTX_free(context) }
    var count = Int(EVP_PKEY_get_size(key))
    var signature = [UInt8](repeating: 0, count: count)
    guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1
    else { return nil }
    return Array(signature.prefix(count))
  }
}
